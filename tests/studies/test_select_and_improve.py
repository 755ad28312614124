"""The study of selection and improvement: what its arms share, and a run of all of it, tiny."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.lines import Line2D

from hone.core.errors import DamagedFile, UsageError
from hone.measures import Estimate, over_seeds
from hone.objectives.algorithms import ALGORITHMS
from hone.objectives.divergence import KL
from hone.report.tables import render_table
from hone.runs.plan import Node, unique
from hone.runs.results import Finished, Results
from hone.studies.select_and_improve import statistics
from hone.studies.select_and_improve.claims import PAPER_TABLE
from hone.studies.select_and_improve.claims_elsewhere import ABLATIONS, ROBUSTNESS
from hone.studies.select_and_improve.statistics import (
    CLOCKS,
    by_opening,
    difference,
    responses,
    slope_of_gain,
    told_and_gained,
)
from hone.studies.select_and_improve.study import Settings, plan, study
from hone.studies.study import Measure, assess
from hone.training.configs import PostTrain, Supervise
from tests.studies.stages import carry_out

SHOWN = ("main", "easier", "rewards", "yardsticks", "tilt", "compositions", "curricula")
TINY = Settings(
    SHOWN, seeds=(0,), width=32, layers=1, first=2, short=2, long=4, sft=2, replay=2,
    rounds=2, prompts=4, group=4, problems=8, samples=2, looks=1, longest=9,
)  # fmt: skip


def stages(settings: Settings, name: str) -> list[Node]:
    return [node for node in unique(plan(settings)) if node.stage == name]


def test_one_pretrained_model_serves_every_arm_of_a_seed() -> None:
    core = study.settings("full", "core")
    for name in ("first", "short", "long"):
        assert len(stages(core, name)) == len(core.seeds)
    assert len(stages(core, "sft")) == 3 * len(core.seeds)


def test_arms_of_the_main_experiment_are_those_of_the_papers_table() -> None:
    nodes = plan(study.settings("full", "core"))
    main = [n.factors for n in nodes if n.stage == "rl" and n.factors["experiment"] == "main"]
    arms = {(factors["data"], factors["level"]) for factors in main}
    assert arms == {key for key in PAPER_TABLE if key[1] != "before"}


def test_every_arm_is_evaluated_on_the_same_problems() -> None:
    """RL on easy or tilted problems, too, is looked at on the balanced hard ones."""
    settings = replace(study.settings("full", "core"), experiments=("main", "tilt"))
    tasks = {node.config.task for node in plan(settings) if isinstance(node.config, PostTrain)}
    assert tasks == {settings.task(settings.hard)}


def test_supervised_yardsticks_fit_as_many_tokens_as_rl_drew() -> None:
    """Round by round those of the same seed's RL from the same model."""
    settings = study.settings("full", "yardsticks")
    more = stages(settings, "more sft")
    assert len(more) == 2 * len(settings.seeds)
    for node in more:
        rl = node.inputs["budget"]
        assert isinstance(rl.config, PostTrain)
        assert isinstance(node.config, Supervise)
        assert (rl.seed, rl.config.rounds) == (node.seed, node.config.steps)
        assert rl.inputs["policy"] is node.inputs["policy"]


@pytest.mark.parametrize(
    ("change", "last", "first"),
    [
        ("lr=0.001", "before", "rl"),
        ("algorithm=rloo", "before", "rl"),
        ("hard=6,8", "sft", "before"),
        ("forward=0.7", "long", "sft"),
    ],
)
def test_a_change_leaves_what_comes_before_it_as_it_is(change: str, last: str, first: str) -> None:
    """Of stages in their order: the last that is kept, and the first that is not."""
    before, after = (
        {node.stage: node.key for node in unique(plan(each)) if node.arm[:2] in ("pr", "FB")}
        for each in (study.settings("quick", ""), study.settings("quick", "", [change]))
    )
    assert before[last] == after[last]
    assert before[first] != after[first]


def test_claims_and_tables_are_found_at_other_difficulties_too() -> None:
    settings = study.settings("quick", "", ["hard=6,8", "easy=2,4"])
    levels = {n.factors["level"] for n in plan(settings) if n.stage == "rl"}
    assert levels == {"hard"}
    assert not any(f"{low}-{high}" in claim.statement + claim.statistic
                   for claim in study.claims for low, high in ((2, 5), (6, 9)))  # fmt: skip


def test_every_algorithm_can_be_chosen_and_no_penalty_is_ignored() -> None:
    for name in ALGORITHMS:
        assert replace(TINY, algorithm=name).chosen.name == name
    for name in ("grpo", "ppo", "rloo"):
        assert replace(TINY, algorithm=name, kl=0.05).chosen.kl == KL(0.05)
    with pytest.raises(UsageError, match=r"kl = 0\.05 .*allowed: 0 with star"):
        plan(replace(TINY, algorithm="star", kl=0.05))


@pytest.mark.parametrize(
    ("key", "value"),
    [("experiments", ("mane",)), ("width", 100), ("group", 1), ("samples", 3), ("lists", 1.1),
     ("hard", (6, 20)), ("easy", (5, 2)), ("lr", 0.0), ("seeds", ()), ("dropout", 0.1)],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UsageError, match=key.rstrip("s")):
        plan(replace(TINY, **{key: value}))


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Every stage of every experiment, in order, with models that learn nothing."""
    root, nodes = tmp_path_factory.mktemp("study"), plan(TINY)
    for node in unique(nodes):
        carry_out(node, root)
        if node.stage == "rl":
            lend_a_right_answer(node.folder(root))
    return Results(study.name, tuple(Finished.of(node, root) for node in nodes))


def lend_a_right_answer(folder: Path) -> None:
    """So that there is something to imitate."""
    file = next((folder / "rollouts").glob("train-*"))
    table = pl.read_parquet(file)
    grades = ["correct", *table["grade"].to_list()[1:]]
    table.with_columns(grade=pl.Series(grades)).write_parquet(file)


def test_every_claim_is_decided_or_says_why_not(tiny_run: Results) -> None:
    found = {claim["id"]: claim for claim in assess(study.claims, tiny_run)}
    elsewhere = {claim.id for claim in (*ABLATIONS, *ROBUSTNESS)}
    assert {claim.id for claim in study.claims} - set(found) <= elsewhere
    assert {claim["verdict"] for claim in found.values()} <= {"indicative", "inconclusive"}


def test_every_claim_finds_its_stages_in_the_full_preset() -> None:
    """None of them has been carried out, so whoever finds one fails to read it."""
    nodes = [node for part in study.presets["full"] for node in plan(study.settings("full", part))]
    planned = Results(study.name, tuple(Finished.of(node, Path("nowhere")) for node in nodes))
    for claim in study.claims:
        with pytest.raises((OSError, ValueError, DamagedFile)):
            claim.measure(planned)


def test_every_figure_is_drawn(tiny_run: Results) -> None:
    assert [figure.name for figure in study.figures if figure.draw(tiny_run) is None] == []


def test_table_1_has_the_papers_rows_and_figures(tiny_run: Results) -> None:
    table, easy, gains, sides, by_length, clocks, acts, compositions = (
        table.measure(tiny_run) for table in study.tables
    )
    assert table is not None
    assert gains is not None
    assert len(table) == len(PAPER_TABLE)
    assert [row["inversion, paper"] for row in table.values()] == [
        reported[1] for reported in PAPER_TABLE.values()
    ]
    before = [row["all"] for name, row in table.items() if "fine-tuning" in name]
    assert all(isinstance(cell, Estimate) for cell in before)
    trained = tiny_run.where(lambda factors: factors.get("experiment") != "compositions")
    assert set(trained.select(stage="rl").arms) <= set(gains)
    assert {"FB demonstrations", "FB kept rollouts"} <= set(gains)
    assert easy is not None
    assert set(easy) == {"F", "B", "FB"}
    assert acts is not None
    assert by_length is not None
    assert {name.partition(",")[0] for name in by_length} == {
        f"{data} RL({on})" for data in ("F", "B", "FB") for on in ("6-9", "2-5")
    }
    assert sides is not None
    assert set(gains) <= set(sides)
    for arm, row in gains.items():
        after, before, change = sides[arm]["all, after"], sides[arm]["all, before"], row["change"]
        assert isinstance(after, Estimate)
        assert isinstance(before, Estimate)
        assert isinstance(change, Estimate)
        assert after.value - before.value == pytest.approx(change.value)
    assert compositions is not None
    assert [set(row) for row in compositions.values()] == [{"before", "after"}] * len(compositions)
    assert clocks is not None
    timed = [arm for name in ("main", "tilt")
             for arm in tiny_run.select(experiment=name, stage="rl").arms]  # fmt: skip
    assert set(clocks) == {f"{arm}, {what}" for arm in timed for what in CLOCKS}


def test_a_response_that_loses_its_place_keeps_its_route(tiny_run: Results) -> None:
    """It opens in a strategy, forced or not, whatever the order of operations behind it."""
    for strategy in ("forward", "backward"):
        runs = tiny_run.select(stage=f"easy {strategy}")
        table = responses(runs, f"easy {strategy}")
        assert (table["strategy"] == "other").any()
        assert (by_opening(runs, table)["strategy"] == strategy).all()


def test_headroom_foretells_over_all_arms(tiny_run: Results) -> None:
    main = tiny_run.select(experiment="main")
    assert set(told_and_gained(main)) == set(main.select(stage="rl").arms)
    found = slope_of_gain("selection")(tiny_run)
    assert found is not None
    assert math.isnan(found.value)  # untrained, none of them has any headroom


def test_an_overview_holds_every_arm_once() -> None:
    """Parts share arms under other names; what is not RL has no groups with signal."""
    columns = {"change": 0.5, "selection": 0.3, "selection foretold": 0.4, "improvement": 0.2,
               "improvement foretold": 0.1, "groups with signal": 0.9}  # fmt: skip
    less = {name: value for name, value in columns.items() if name != "groups with signal"}
    parts = {
        "core": {"FB RL(6-9)": columns},
        "yardsticks": {"FB RL": columns, "FB demonstrations": less | {"change": 0.6}},
    }
    (overview,) = study.overviews
    drawing = overview.draw(
        {part: render_table("gains", "", "", rows) for part, rows in parts.items()}
    )
    assert drawing is not None
    points = [[points_of(line) for line in axes.lines if len(points_of(line))]
              for axes in drawing.axes]  # fmt: skip
    assert points == [[[0.4], [0.4]], [[0.1], [0.1]], [[0.9]]]
    assert overview.draw({}) is None


def test_an_overview_reads_the_columns_of_the_studys_table(tiny_run: Results) -> None:
    (overview,) = study.overviews
    (gains,) = (table for table in study.tables if table.name == overview.table)
    rows = gains.measure(tiny_run.select(experiment="rewards"))
    assert rows is not None
    drawing = overview.draw({"rewards": render_table("gains", "", "", rows)})
    assert drawing is not None
    assert all(any(len(points_of(line)) for line in axes.lines) for axes in drawing.axes)


def points_of(line: Line2D) -> list[float]:
    """Across; none of an interval or of the diagonal."""
    return np.asarray(line.get_xdata()).tolist() if line.get_marker() != "None" else []


def exactly(value: float) -> Estimate:
    return Estimate(value, None, 0.95, "", ())


def test_the_slope_is_that_of_gains_on_what_was_told_seed_by_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Points of a seed share its models: more arms of the same seeds say no more."""
    labels = {"experiment": "main"}
    stages = tuple(Finished("FB", "rl", seed, labels, Path()) for seed in (1, 2, 3))
    slopes = {1: 0.7, 2: 0.8, 3: 0.9}

    def points(runs: Results) -> dict[str, dict[str, tuple[Estimate, Estimate]]]:
        (seed,) = runs.seeds
        told = (0.0, 0.1, 0.3, 0.4)
        return {
            f"arm {x}": {"selection": (exactly(x), exactly(0.05 + slopes[seed] * x))} for x in told
        }

    monkeypatch.setattr(statistics, "told_and_gained", points)
    found = slope_of_gain("selection")(Results(study.name, stages))
    assert found is not None
    assert found.value == pytest.approx(0.8)
    assert found.interval == pytest.approx(over_seeds([0.7, 0.8, 0.9], (1, 2, 3)).interval)


def test_a_difference_is_taken_seed_by_seed() -> None:
    """What seeds have in common is no uncertainty, what problems leave open stays."""
    stages = tuple(Finished("FB", "after", seed, {}, Path()) for seed in (1, 2, 3))
    results = Results(study.name, stages)

    def measured(values: dict[int, float], half: float) -> Measure:
        def measure(runs: Results) -> Estimate:
            mean = sum(values[seed] for seed in runs.seeds) / len(runs)
            floor = (mean - half, mean + half) if half else None
            return over_seeds([values[seed] for seed in runs.seeds], runs.seeds, floor=floor)

        return measure

    one, other = {1: 0.5, 2: 0.65, 3: 0.8}, {1: 0.45, 2: 0.61, 3: 0.74}
    paired = over_seeds([0.05, 0.04, 0.06], (1, 2, 3))
    assert paired.interval is not None
    for half in (0.0, 0.03):
        found = difference(measured(one, half), measured(other, half))(results)
        assert found is not None
        assert found.interval is not None
        width = math.hypot(paired.interval[1] - 0.05, math.hypot(half, half))
        assert found.interval == pytest.approx((0.05 - width, 0.05 + width))


def test_a_run_without_the_arms_says_and_shows_nothing(tiny_run: Results) -> None:
    nothing = tiny_run.select(experiment="none")
    assert all(claim.measure(nothing) is None for claim in study.claims)
    assert all(figure.draw(nothing) is None for figure in study.figures)
    assert all(table.measure(nothing) is None for table in study.tables)
