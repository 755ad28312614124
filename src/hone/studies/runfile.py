"""What a carried-out part of a study leaves in its folder, and how it is read back."""

import hashlib
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hone.core.errors import DamagedFile, UsageError
from hone.core.files import read_object, write_json
from hone.runs.folder import check_complete, is_complete
from hone.runs.plan import Node
from hone.runs.results import Finished, Results

_FILE = "run.json"
_SHAPES = {"settings": dict, "environment": dict, "overrides": list, "stages": list}
_LONGEST_NAME = 200  # bytes; file systems stop at 255


@dataclass(frozen=True)
class Request:
    """What `hone run` is asked for; without a part, all parts of the preset."""

    study: str  # built-in name or path of the user's file
    preset: str
    part: str | None = None
    overrides: tuple[str, ...] = ()
    out: Path | None = None
    workers: int | None = None

    def command(self, part: str | None) -> str:
        """What to type to carry out one part, or all of them."""
        words = ["hone", "run", self.study, *self.overrides, "--preset", self.preset]
        words += ["--part", part] if part else []
        words += ["--out", str(self.out)] if self.out else []
        words += ["--workers", str(self.workers)] if self.workers else []
        return shlex.join(words)


@dataclass(frozen=True)
class RunFile:
    """One preset, or one part of it, with its overrides: `run.json` in full."""

    study: str  # built-in name or path of the user's file
    preset: str
    part: str
    overrides: tuple[str, ...]
    command: str
    settings: dict[str, Any]
    environment: dict[str, Any]
    date: str
    seconds: float  # of all its stages, one after the other
    stages: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return run_name(self.preset, self.part, self.overrides)

    def write(self, folder: Path) -> None:
        write_json(folder / _FILE, asdict(self))

    def results(self, root: Path) -> Results:
        """The finished stages.

        Raises:
            DamagedFile: a stage's folder is gone or not complete, or a file of it is damaged.
        """
        try:
            stages = tuple(
                Finished(
                    stage["arm"],
                    stage["stage"],
                    stage["seed"],
                    dict(stage["factors"]),
                    root / "stages" / stage["folder"],
                )
                for stage in self.stages
            )
        except (TypeError, KeyError, ValueError) as error:
            raise DamagedFile(f"{root / self.name / _FILE} is damaged: stages ({error})") from error
        if not stages:
            raise DamagedFile(f"{root / self.name / _FILE} is damaged: it lists no stages")
        for stage in stages:
            if not is_complete(stage.folder):
                raise DamagedFile(f"{stage.folder} is missing or unfinished; run the study again")
            check_complete(stage.folder)
        return Results(self.study, stages)


def run_name(preset: str, part: str, overrides: Sequence[str]) -> str:
    """The folder of a run inside its study's folder, e.g. `full-core` or `quick,d=13`."""
    changes = "".join(f",{text}" for text in overrides).replace("/", "_")
    name = f"{preset}{f'-{part}' if part else ''}{changes}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME // 4]}…{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def described(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """The stages as `run.json` lists them."""
    return [
        {
            "arm": node.arm,
            "stage": node.stage,
            "seed": node.seed,
            "factors": dict(node.factors),
            "folder": node.name,
        }
        for node in nodes
    ]


def load_run(folder: Path) -> RunFile:
    """The run that a folder holds.

    Raises:
        UsageError: the folder holds none.
        DamagedFile: its file cannot be read.
    """
    if not (folder / _FILE).is_file():
        raise UsageError(f"{folder} holds no finished run (no {_FILE}); see `hone run`")
    fields = read_object(folder / _FILE, *_SHAPES)
    for name, kind in _SHAPES.items():
        if not isinstance(fields[name], kind):
            raise DamagedFile(f"{folder / _FILE} is damaged: {name} = {fields[name]!r}")
    try:
        record = RunFile(**{**fields, "overrides": tuple(fields["overrides"])})
        _ = record.environment["determining"], record.environment["code"]
        return record
    except (TypeError, KeyError) as error:
        raise DamagedFile(f"{folder / _FILE} is damaged ({error})") from error


def runs_below(folder: Path) -> list[Path]:
    """The folder itself if it holds a run, or else the runs of the study's folder.

    Raises:
        UsageError: there is no run.
    """
    found = (
        [folder]
        if (folder / _FILE).is_file()
        else sorted(file.parent for file in folder.glob(f"*/{_FILE}"))
    )
    if not found:
        raise UsageError(f"{folder} holds no finished run; see `hone run`")
    return found
