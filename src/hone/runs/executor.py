"""A process a core, a thread a process: stages run as soon as what they stand on is complete."""

import fcntl
import multiprocessing
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hone.core.errors import DamagedFile, DiskFull, HoneError, UsageError
from hone.core.files import disk_errors, read_object, write_json
from hone.runs.folder import check_complete, is_complete
from hone.runs.plan import Node, most_urgent_first, unique
from hone.runs.worker import prepare, run_stage

_POLL_SECONDS = 0.5
WORKER_ENVIRONMENT = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
    ),
    # PyTorch and oneDNN keep a compiled kernel for each of the last 1024 shapes, which doubles a
    # worker's memory; shapes that come again are fewer.
    **dict.fromkeys(("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"), "256"),
    # glibc gives large freed blocks back to the system, which then clears every page of the next:
    # a fifth of the time of a training step. (32 MiB is the most it accepts; others ignore it.)
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
"""What a process that carries out stages must find set before it imports torch."""


@dataclass
class Progress:
    """What an execution has done and is doing; `watch` is called with it a few times a second."""

    total: int
    cached: int
    done: list[Node] = field(default_factory=list)
    running: list[Node] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # key to message


def execute(
    nodes: Sequence[Node],
    root: Path,
    workers: int,
    watch: Callable[[Progress], None],
    user_file: Path | None = None,
) -> None:
    """Carry out every stage that is missing, at most `workers` at a time.

    Raises:
        HoneError: stages failed (the others were carried out first), or a worker was killed.
        DiskFull: at once, whatever else is under way.
    """
    order = most_urgent_first(nodes)
    pending = [node for node in order if not is_complete(node.folder(root))]
    progress = Progress(len(order), len(order) - len(pending))
    futures: dict[Future[None], Node] = {}
    with _pool(workers, user_file) as pool, _deaths_explained(progress):
        while pending or futures:
            for node in _ready(pending, futures, root, workers):
                pending.remove(node)
                progress.running.append(node)
                futures[_submit(pool, node, root)] = node
            if not futures:
                break  # all that is left stands on stages that failed
            finished, _ = wait(futures, _POLL_SECONDS, FIRST_COMPLETED)
            for future in finished:
                _collect(future, futures.pop(future), root, progress)
            progress.running = list(futures.values())
            watch(progress)
    if progress.failed:
        raise HoneError(_failures(progress, order, root))


@contextmanager
def study_folder(root: Path, study: str) -> Iterator[None]:
    """Claim a folder for a study, and for this process alone.

    Raises:
        UsageError: it cannot be written, belongs to another study, or another run is using it.
    """
    with disk_errors(root):
        check_owner(root, study)
        root.mkdir(parents=True, exist_ok=True)
        if not (root / "study.json").exists():
            write_json(root / "study.json", {"study": study})
        lock = (root / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another run is using {root}; wait for it or use --out") from error
        yield


def check_owner(root: Path, study: str) -> None:
    """Refuse a folder that is not this study's.

    Raises:
        UsageError: it is no folder, belongs to another study, or holds something else entirely.
    """
    for path in (root, *root.parents):
        if path.exists() and not path.is_dir():
            raise UsageError(f"--out {root} is impossible: {path} is a file; name a folder")
    marker = root / "study.json"
    if marker.exists():
        owner = read_object(marker, "study")["study"]
        if owner != study:
            raise UsageError(f"--out {root} belongs to study {owner!r}, not {study!r}")
    elif root.is_dir() and any(item for item in root.iterdir() if item.name != ".lock"):
        raise UsageError(f"--out {root} is not empty and not a study's folder; name another")


def set_damaged_aside(nodes: Sequence[Node], root: Path) -> list[str]:
    """Move complete stages whose files are damaged out of the way; returns what was found.

    No result is deleted: the folder keeps its content under a name that ends in `.damaged`. What
    a kill between finishing and tidying up left in a sound folder goes.
    """
    found: list[str] = []
    for node in unique(nodes):
        folder = node.folder(root)
        if not is_complete(folder):
            continue
        try:
            check_complete(folder)
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        except DamagedFile as error:
            folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}.damaged"))
            found.append(f"not used: {error}")
    return found


@contextmanager
def _pool(workers: int, user_file: Path | None) -> Iterator[ProcessPoolExecutor]:
    """Workers inherit their settings; they are stopped at once when the parent is."""
    os.environ.update(WORKER_ENVIRONMENT)
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=prepare,
        initargs=(os.getpid(), user_file),
    )
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ready(
    pending: list[Node], futures: dict[Future[None], Node], root: Path, workers: int
) -> list[Node]:
    ready = [
        node
        for node in pending
        if all(is_complete(below.folder(root)) for below in node.inputs.values())
    ]
    return ready[: workers - len(futures)]


def _submit(pool: ProcessPoolExecutor, node: Node, root: Path) -> Future[None]:
    """Hand a stage to a worker. One that starts now must never see Ctrl-C, which is ours."""
    inputs = {role: below.folder(root) for role, below in node.inputs.items()}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(run_stage, node.config, node.seed, node.key, node.folder(root), inputs)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _collect(future: Future[None], node: Node, root: Path, progress: Progress) -> None:
    error = future.exception()
    if error is None:
        progress.done.append(node)
    elif isinstance(error, DiskFull | BrokenProcessPool):
        raise error
    elif isinstance(error, HoneError):
        progress.failed[node.key] = f"{_title(node)}: {error}"
    else:  # a fault in a stage's own code
        path = node.folder(root) / "error.txt"
        path.write_text("".join(traceback.format_exception(error)))
        kind = type(error).__name__
        progress.failed[node.key] = f"{_title(node)}: {kind}: {error} (traceback: {path})"


@contextmanager
def _deaths_explained(progress: Progress) -> Iterator[None]:
    """When one worker dies all stages under way are lost; nobody can tell whose it was."""
    try:
        yield
    except BrokenProcessPool as error:
        raise HoneError(
            "a worker process was killed, most likely for want of memory, while "
            f"{' and '.join(map(_title, progress.running))} ran; use fewer --workers and run the "
            "same command again: it resumes"
        ) from error


def _title(node: Node) -> str:
    return f"{node.arm}/{node.stage} (seed {node.seed})"


def _failures(progress: Progress, order: list[Node], root: Path) -> str:
    undone = sum(not is_complete(node.folder(root)) for node in order)
    failed = len(progress.failed)
    return (
        f"{failed} stage{'s' * (failed != 1)} failed, {undone} of {progress.total} not done: "
        + "; ".join(progress.failed.values())
    )
