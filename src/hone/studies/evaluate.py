"""`hone eval`: a checkpoint on a task, as a table and as JSON."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from hone.core.contracts import Policy, Problems, SamplingProtocol, Task
from hone.core.errors import UsageError, require
from hone.core.files import read_object, verify
from hone.core.random import Stream
from hone.measures import (
    Estimate,
    accuracy,
    accuracy_given,
    lengths,
    majority_at_k,
    pass_at_k_curve,
    shares,
)
from hone.report.claims_table import bounds, number
from hone.runs.folder import part_of_config
from hone.studies.facts import problem_set
from hone.tasks import parse_task
from hone.training.evaluation import evaluation_problems, graded_table
from hone.training.policies import load_policy

_OURS = ("manifest.json", "optimizer.safetensors", "../environment.json")
"""What marks a checkpoint that we wrote, which a manifest vouches for."""
# They are drawn, answered and measured all at once: what fits into a few GB of memory.
_MOST_PROBLEMS, _MOST_RESPONSES = 20_000, 500_000


@dataclass(frozen=True)
class Protocol:
    """The fixed protocol of one evaluation; it is printed with every number."""

    problems: int
    samples: int
    temperature: float
    top_p: float
    seed: int

    def __post_init__(self) -> None:
        require(self.problems >= 1, "problems", self.problems, "1 or more")
        require(self.temperature > 0, "temperature", self.temperature, "above 0; greedy is always")
        most, responses = f"at most {_MOST_PROBLEMS}", self.problems * self.samples
        require(self.problems <= _MOST_PROBLEMS, "problems", self.problems, most)
        most = f"at most {_MOST_RESPONSES} responses"
        require(responses <= _MOST_RESPONSES, "problems × samples", responses, most)


def evaluate(folder: Path, task_text: str | None, protocol: Protocol, as_json: bool) -> None:
    """Print accuracy, pass@k, strategies, lengths and finish reasons, with intervals.

    Raises:
        UsageError: no such checkpoint, or one that does not fit the task.
        DamagedFile: a file of the checkpoint cannot be trusted.
    """
    checkpoint = _checkpoint(folder)
    task = parse_task(task_text) if task_text else _trained_on(folder)
    if any((checkpoint / name).exists() for name in _OURS):  # others have no manifest
        verify(checkpoint, read_object(checkpoint / "manifest.json", "model.safetensors"))
    policy = load_policy(checkpoint, task)
    problems = evaluation_problems(task, "validation", protocol.problems)
    if len(problems) < protocol.problems:
        sys.stderr.write(
            f"note: {len(problems)} problems instead of {protocol.problems}: the validation split "
            "holds few more, if any\n"
        )
    greedy = _responses(policy, task, problems, SamplingProtocol(task.max_tokens, 1, 0.0), protocol)
    sampling = SamplingProtocol(
        task.max_tokens, protocol.samples, protocol.temperature, protocol.top_p
    )
    sampled = _responses(policy, task, problems, sampling, protocol)
    figures = _figures(greedy, sampled, protocol.samples)
    described = {"checkpoint": str(checkpoint), "task": f"{task}", **asdict(protocol)}
    described |= {"problems": len(problems), "problem_set": problem_set(problems.ids)}
    if as_json:
        record = {name: asdict(estimate) for name, estimate in figures.items()}
        Console().print_json(data={"protocol": described, "figures": record})
        return
    _print(described, figures)


def _checkpoint(folder: Path) -> Path:
    """The checkpoint that a run folder holds, or that the folder is."""
    if (folder / "checkpoint").is_dir():
        return folder / "checkpoint"
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name a run folder or a checkpoint")
    if (folder / "study.json").is_file() or (folder / "run.json").is_file():
        raise UsageError(f"{folder} holds many models; name one of the stages/… of its study")
    if (folder / "metrics.jsonl").is_file():
        raise UsageError(
            f"{folder} has no checkpoint: it is not finished, or of a stage that makes none"
        )
    return folder


def _trained_on(folder: Path) -> Task:
    """The task in the config of a run folder."""
    stage = folder.parent if folder.name == "checkpoint" else folder
    file = stage / "config.json"  # of a foreign checkpoint, it says nothing of a task
    is_ours = file.is_file() and "config" in read_object(file)
    task = part_of_config(stage, "task") if is_ours else None
    if not isinstance(task, Task):
        raise UsageError(f"{folder} does not say its task; name one, e.g. --task parity:d=11")
    return task


def _responses(
    policy: Policy,
    task: Task,
    problems: Problems,
    sampling: SamplingProtocol,
    protocol: Protocol,
) -> pl.DataFrame:
    stream = Stream.root(protocol.seed).child("eval")
    responses = policy.respond(problems.prompts, sampling, stream)
    return graded_table(
        task, problems, responses, split="validation", temperature=sampling.temperature
    )


def _figures(greedy: pl.DataFrame, sampled: pl.DataFrame, samples: int) -> dict[str, Estimate]:
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if 1 < k <= samples]
    found = {"greedy accuracy": accuracy(greedy), "sampled accuracy": accuracy(sampled)}
    found |= {f"pass@{k}": value for k, value in pass_at_k_curve(sampled, ks).items()} if ks else {}
    if samples > 2:
        found[f"majority@{samples}"] = majority_at_k(sampled, samples)
    for name, estimate in shares(sampled).items():
        found[f"share of {name}"] = estimate
        found[f"accuracy given {name}"] = accuracy_given(sampled, name)
    for name, table in (("greedy", greedy), ("sampled", sampled)):
        found[f"{name} mean length"] = lengths(table).mean
        found[f"{name} finished by length"] = lengths(table).truncated
    return found


def _print(described: dict[str, object], figures: dict[str, Estimate]) -> None:
    console = Console()
    table = Table("figure", "value", "95 % interval", "note", box=None, pad_edge=False)
    for name, estimate in figures.items():
        table.add_row(name, number(estimate.value), bounds(estimate.interval), estimate.note)
    console.print(" · ".join(f"{key} {text}" for key, text in described.items()), highlight=False)
    console.print(table, highlight=False)
