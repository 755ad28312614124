"""What RL post-training does to a language model's reasoning: studies, claims, measurements."""

# Parses, calls, prints. Heavy imports wait until a command needs them.

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from hone.core.errors import HoneError, UsageError


@dataclass(frozen=True)
class List:
    """List the studies and the tasks, or what one study can be told."""

    study: Positional[str | None] = None
    """A built-in name or a Python file, to list its presets, its parts and the keys of `run`."""

    def __call__(self) -> None:
        from hone.studies import listing

        if self.study is None:
            listing.list_studies()
        else:
            listing.list_keys(self.study)


@dataclass(frozen=True)
class Run:
    """Carry out a study; what is already there is not done again."""

    study: Positional[str]
    """A built-in name, or the path of a Python file that defines `study`."""
    overrides: Positional[tuple[str, ...]] = ()
    """key=value changes of the study's settings; `hone list STUDY` shows the keys."""
    preset: str = "quick"
    """Settings by name; `hone list` shows them."""
    part: str | None = None
    """One part of the preset; all of them if not given."""
    out: Annotated[str | None, arg(metavar="PATH")] = None
    """The study's folder; runs/STUDY if not given."""
    workers: int | None = None
    """Processes; one a core if not given."""
    dry_run: bool = False
    """Print the plan and stop."""

    def __call__(self) -> None:
        from hone.studies import commands
        from hone.studies.runfile import Request

        out = _folder("--out", self.out)
        request = Request(self.study, self.preset, self.part, self.overrides, out, self.workers)
        commands.run(request, self.dry_run)


@dataclass(frozen=True)
class Claims:
    """Print the claims of finished runs."""

    folder: Positional[Path]
    """A study's folder, or one preset's folder in it."""
    json: bool = False

    def __call__(self) -> None:
        from hone.studies import commands

        commands.claims(self.folder, self.json)


@dataclass(frozen=True)
class Report:
    """Write the report page of a run, compare two runs, or publish a study's results."""

    folders: Positional[tuple[Path, ...]]
    """One folder; or two, to put them side by side. With --publish that of a study's runs, or of
    its published parts: their page is then written anew, with the notes that it has now."""
    publish: Annotated[str | None, arg(metavar="PATH")] = None
    """Write STUDY.md, STUDY.claims.json and the figures here."""

    def __call__(self) -> None:
        from hone.studies import commands

        commands.report(self.folders, _folder("--publish", self.publish))


@dataclass(frozen=True)
class Eval:
    """Evaluate a checkpoint on a task: accuracy, pass@k, strategies, lengths, with intervals."""

    checkpoint: Positional[Path]
    """A run folder, or a checkpoint folder in the Hugging Face layout."""
    task: str | None = None
    """E.g. parity:d=11; the one the checkpoint was trained on if not given."""
    samples: int = 8
    """Responses to each problem, beside the greedy one."""
    problems: int = 512
    """Of the validation split."""
    temperature: float = 1.0
    """Of the samples."""
    top_p: float = 1.0
    """Of the samples: the mass of the nucleus they are drawn from."""
    seed: int = 0
    """Of the samples; the problems are always the same."""
    json: bool = False

    def __call__(self) -> None:
        from hone.studies import evaluate

        evaluate.evaluate(
            self.checkpoint,
            self.task,
            evaluate.Protocol(self.problems, self.samples, self.temperature, self.top_p, self.seed),
            self.json,
        )


@dataclass(frozen=True)
class Export:
    """Write a task's problems and demonstrations as data for TRL, verl and others."""

    task: Positional[str]
    """E.g. parity:d=11; `hone list` shows the tasks, their fields and renderings."""
    out: Path
    """The file to write, or the folder where the format is hf."""
    format: Literal["jsonl", "parquet", "hf"] | None = None
    """By the name of --out if not given: parquet, else jsonl. hf: a data set's folder."""
    split: Literal["train", "validation"] = "train"
    """No problem is in both."""
    problems: int = 1024
    """All different."""
    strategy: str | None = None
    """E.g. forward,backward: each problem is solved in one of these; not at all if not given."""
    rendering: str = "compact"
    """The task's own symbols (compact), or words for language models (text)."""
    fields: Literal["plain", "trl", "messages", "verl"] = "plain"
    """Whose columns: strings, TRL's conversations, whole conversations, verl's."""
    seed: int = 0
    """Of the problems and of which strategy each has."""

    def __call__(self) -> None:
        from hone.studies import export

        strategies = () if self.strategy is None else tuple(self.strategy.split(","))
        request = export.Request(
            self.task,
            self.out,
            self.format,
            self.split,
            self.problems,
            strategies,
            self.rendering,
            self.fields,
            self.seed,
        )
        print(export.export(request))


@dataclass(frozen=True)
class Bench:
    """Measure how fast models of several sizes train and sample here, or race TRL."""

    sizes: Positional[tuple[str, ...]] = ("0.1", "0.8", "3", "10", "25")
    """Millions of parameters, about."""
    against: str | None = None
    """trl: race its GRPOTrainer, step by step, in turn."""
    whole: bool = False
    """Race whole runs to 95 % greedy accuracy instead of steps."""
    turns: int = 3
    """Of each contestant in a race."""
    threads: int = 1
    """Of TRL; ours has one."""
    all_cores: bool = False
    """Race TRL with a thread on every usable core as well; they must be idle."""
    json: bool = False

    def __call__(self) -> None:
        from hone.bench import show

        show.bench(
            self.sizes,
            self.against,
            self.turns,
            self.threads,
            self.json,
            whole=self.whole,
            all_cores=self.all_cores,
        )


@dataclass(frozen=True)
class Doctor:
    """Print what this machine offers and what is unwise about the present settings."""

    folder: Positional[Path] = Path()
    """Where runs would be written."""
    json: bool = False

    def __call__(self) -> None:
        from hone.studies import commands

        commands.doctor(self.folder, self.json)


Command = (
    Annotated[List, arg(name="list")]
    | Annotated[Run, arg(name="run")]
    | Annotated[Claims, arg(name="claims")]
    | Annotated[Report, arg(name="report")]
    | Annotated[Eval, arg(name="eval")]
    | Annotated[Export, arg(name="export")]
    | Annotated[Bench, arg(name="bench")]
    | Annotated[Doctor, arg(name="doctor")]
)


def _folder(option: str, path: str | None) -> Path | None:
    """The folder that an option names. An empty text would else be the present one."""
    if path == "":
        raise UsageError(f"{option} is empty; name a folder, or leave it out")
    return None if path is None else Path(path)


def _parse() -> Callable[[], None]:
    """The command that the arguments ask for.

    Raises:
        UsageError: there is no such command; tyro's words for it, on one line.
    """
    screen = io.StringIO()
    try:
        with contextlib.redirect_stderr(screen):
            return tyro.cli(Command, prog="hone", description=__doc__)  # pyright: ignore
    except SystemExit as error:
        if not error.code:
            raise
        said = _in_our_words(_in_one_line(screen.getvalue()))
        hint = "; write key=value before the options" if "options: " in said and "=" in said else ""
        raise UsageError(said + hint) from None


def _in_one_line(box: str) -> str:
    """What a box on the terminal says, less its frame, its title and its footer."""
    rows = [row.strip(" │|") for row in box.splitlines()[1:-1]]
    parts = re.split("[─-]{20,}", " ".join(rows))  # a terminal may know no frames but ASCII's
    words = (" ".join(part.split()) for part in parts)
    said = [text.partition(" Got errors:")[0] for text in words if text]
    return "; ".join(text for text in said if not text.startswith("For full helptext"))


def _in_our_words(said: str) -> str:
    """A value that is no number is refused here as anywhere else."""
    found = re.match(
        r"Error parsing (--\S+): .*?'([^']*)'.*?; Argument helptext: \S+ \S*(INT|FLOAT)", said
    )
    if found is None:
        return said
    allowed = {"INT": "a whole number", "FLOAT": "a number"}[found[3]]
    return f"{found[1]} = {found[2]!r} is not possible; allowed: {allowed}"


def main() -> None:
    """Entry point of `hone`. Errors a user can act on are one line and an exit code."""
    try:
        _parse()()
    except HoneError as error:
        print(f"hone: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to flush
        sys.exit(1)
