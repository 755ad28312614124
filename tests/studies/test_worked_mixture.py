"""The study of problems in words with and without solutions, with generated and real ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hone.core.errors import UsageError
from hone.runs.plan import unique
from hone.runs.results import Finished, Results
from hone.studies.rl_after_ntp import worked_mixture
from hone.studies.rl_after_ntp.worked_mixture import EXPERIMENTS, Settings, plan, study
from hone.studies.study import assess
from hone.tasks.maths import MathProblems
from hone.training.configs import PostTrain, Supervise
from tests.language_models import write_language_model
from tests.studies.stages import carry_out

TINY = Settings(
    tuple(EXPERIMENTS), seeds=(0,), low=1, high=1, distractors=0, scales=("1x32", "2x16"),
    sweep=(0.25, 0.6), temperatures=(0.75,), layers=1, width=16, steps=2, batch=8, rounds=1,
    prompts=4, group=2, star_rounds=1, star_samples=8, problems=8, samples=2, looks=1,
)  # fmt: skip


def carried_out(settings: Settings, root: Path) -> Results:
    nodes = plan(settings)
    for node in unique(nodes):
        carry_out(node, root)
    return Results(study.name, tuple(Finished.of(node, root) for node in nodes))


@pytest.mark.slow
def test_all_experiments_are_carried_out_and_assessed(tmp_path: Path) -> None:
    results = carried_out(TINY, tmp_path)
    found = {record["id"] for record in assess(study.claims, results)}
    other_scales = {"smaller_scale_is_lifted", "larger_scale_is_lifted"}
    assert {claim.id for claim in study.claims} - found == other_scales
    assert all(figure.draw(results) for figure in study.figures)
    assert all(table.measure(results) for table in study.tables)


@pytest.fixture
def maths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The paper's preset but for a model, data and numbers that a test has time for."""
    pytest.importorskip("transformers")
    monkeypatch.setattr(worked_mixture, "RESPONSE", 40)
    files = {}
    for name, numbers in (("train", range(16)), ("test", range(100, 108))):
        rows = [{"question": f"What is {i} and 1?", "answer": f"It is {i} + 1.\n#### {i + 1}"}
                for i in numbers]  # fmt: skip
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return replace(
        study.settings("paper", "8B"), seeds=(0,), model=str(write_language_model(tmp_path / "m")),
        train=str(files["train"]), test=str(files["test"]), steps=1, batch=2, rounds=1, prompts=2,
        group=2, problems=2, looks=1, lora=2, device="cpu", dtype="float32",
    )  # fmt: skip


def test_a_language_model_and_its_problems_join_unchanged(maths: Settings, tmp_path: Path) -> None:
    """The mixture of worked solutions and boxed answers, adapters, and RL on right answers."""
    nodes = [node for node in plan(replace(maths, experiments=("algorithms",)))
             if node.arm == "grpo"]  # fmt: skip
    stages = {node.stage: node.config for node in unique(nodes)}
    assert list(stages) == ["adopt", "pretrain", "rl"]
    taught, rl = stages["pretrain"], stages["rl"]
    assert isinstance(taught, Supervise)
    assert isinstance(rl, PostTrain)
    assert taught.mixture == (("worked", 0.1), ("answer", 0.9))
    assert isinstance(taught.task, MathProblems)
    assert taught.lora == rl.lora is not None
    root = tmp_path / "run"
    for node in unique(nodes):
        carry_out(node, root)
    results = Results(study.name, tuple(Finished.of(node, root) for node in nodes))
    table = results.select(stage="rl").rollouts()
    assert set(table["strategy"]) <= {"worked", "answer"}


@pytest.mark.parametrize(("key", "value"), [("low", 3), ("scales", ("1x16",)), ("width", 32)])
def test_what_a_language_model_would_not_read_is_refused(
    maths: Settings, key: str, value: object
) -> None:
    with pytest.raises(UsageError, match=f"{key} = .* only without model="):
        replace(maths, **{key: value})


def test_a_language_model_without_problems_is_refused(maths: Settings) -> None:
    with pytest.raises(UsageError, match="train and test are not both given"):
        plan(replace(maths, train=None))


@pytest.mark.parametrize(
    ("key", "value"),
    [("scales", ("2by64",)), ("scales", ("2x60",)), ("lora", -1), ("high", 9), ("width", 8),
     ("lora", 8), ("train", "gsm8k.jsonl")],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UsageError, match="width" if value == ("2x60",) else key):
        replace(TINY, **{key: value})
