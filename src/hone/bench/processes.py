"""Measurements in fresh processes, pinned to cores, with as many threads as asked.

Two spinning thread pools on two cores falsify everything by a factor of 5 to 500, so nothing is
ever measured in the process that does the measuring.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from hone.core.errors import HoneError
from hone.runs.executor import WORKER_ENVIRONMENT

_GPU_IS_FULL = "CUDA out of memory"


class OutOfMemory(HoneError):
    """What was to be measured does not fit into a GPU's memory."""


def measured(module: str, *arguments: str, threads: int = 1) -> Any:
    """What `python -m module arguments` prints as its last line, read as JSON.

    The process runs on the first `threads` usable cores with as many threads.

    Raises:
        OutOfMemory: it needs more memory than the GPU has.
        HoneError: it failed; the last line of what it said.
    """
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(
        [*_pinned(threads), *command],
        env=_environment(threads),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing was said").splitlines()[-1]
        kind = OutOfMemory if _GPU_IS_FULL in done.stderr else HoneError
        raise kind(f"a measurement failed: {' '.join(command[4:])}: {said}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment(threads: int) -> dict[str, str]:
    counts = {name: str(threads) for name in WORKER_ENVIRONMENT if name.endswith("_THREADS")}
    return {**os.environ, **WORKER_ENVIRONMENT, **counts, "HF_HUB_OFFLINE": "1"}


def _pinned(threads: int) -> Sequence[str]:
    """The prefix that keeps a process on its cores, where the system has one."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    if affinity is None:
        return ()
    cores = sorted(affinity(0))[:threads]
    return ("taskset", "--cpu-list", ",".join(map(str, cores)))
