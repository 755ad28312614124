"""The study that users copy runs as it stands, and its report says what was done."""

import json
from pathlib import Path

import polars as pl
import pytest

from hone.measures import accuracy
from hone.runs.results import Results
from hone.studies import commands
from hone.studies.facts import choices, facts, problem_set, shared_stages
from hone.studies.reporting import arms, sampled_responses
from hone.studies.runfile import Request, RunFile, load_run
from hone.tasks.parity import Parity
from hone.training.evaluation import evaluation_problems
from tests.runs.tiny import hone

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_study.py"
TINY = ("seeds=0,1", "d=5", "steps=3", "rounds=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example at a size that takes seconds."""
    out = tmp_path_factory.mktemp("example") / "out"
    commands.run(Request(str(EXAMPLE), "quick", overrides=TINY, out=out, workers=1))
    (found,) = (file.parent for file in out.glob("*/run.json"))
    return found


@pytest.fixture
def record(folder: Path) -> RunFile:
    return load_run(folder)


@pytest.fixture
def results(record: RunFile, folder: Path) -> Results:
    return record.results(folder.parent)


def test_the_example_is_short_and_whole(folder: Path) -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 60
    (claim,) = json.loads((folder / "claims.json").read_text())
    assert claim["id"] == "solved"
    html = (folder / "report.html").read_text()
    assert all(words in html for words in ("right answers", "a coin", 'id="figure-rounds"'))


def test_the_keys_of_the_example_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = hone(["list", EXAMPLE], capsys)
    assert (code, errors) == (0, "")
    assert "bits whose parity is asked for" in output


def test_a_stage_that_arms_share_is_there_once(results: Results) -> None:
    stages = [(stage.arms, stage.stage, stage.runs.seeds) for stage in shared_stages(results)]
    assert stages == [
        (("right answers", "a coin"), "pretrain", (0, 1)),
        (("right answers",), "rl", (0, 1)),
        (("a coin",), "rl", (0, 1)),
    ]
    table = results.select(arm="a coin", stage="rl").rollouts(steps=(-1,))
    (coin,) = (arm for arm in arms(results) if arm.names == ("a coin",))
    assert coin.figures["greedy accuracy"] == accuracy(table.filter(table["temperature"] == 0))


def test_conditions_name_the_problem_set_as_eval_does(record: RunFile, results: Results) -> None:
    found = facts(record, shared_stages(results), arms(results))
    problems = evaluation_problems(Parity(5), "validation", 256)
    (words,) = found["evaluation"]
    assert words.startswith(f"pretrain, rl: {len(problems)} validation problems ")
    assert f"(set {problem_set(problems.ids)}), greedy, 4 samples at temperature 1" in words
    assert found["date"] == [record.date]
    (model,) = found["model"]
    assert "layers 2, width 64" in model


def test_every_choice_of_an_algorithm_is_told_once(results: Results) -> None:
    (grpo,) = choices(shared_stages(results))
    assert (grpo.name, grpo.arms) == ("grpo", ("right answers", "a coin"))
    assert grpo.fields["credit"] == "GroupNormalised"
    assert grpo.fields["loss.denominator"] == "token_mean"
    assert grpo.fields["kl"] == "none"
    assert not any("class" in name for name in grpo.fields)


def test_responses_begin_with_what_was_trained_and_say_which_evaluation(results: Results) -> None:
    shown = sampled_responses(results)
    assert shown["stage"].unique(maintain_order=True).to_list() == ["rl", "pretrain"]
    last = shown.filter(shown["evaluation"] == "last").group_by("stage").agg(pl.col("step").max())
    assert dict(last.iter_rows()) == {"rl": 2, "pretrain": 3}
    assert set(shown["evaluation"]) == {"first", "middle", "last"}
