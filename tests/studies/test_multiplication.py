"""The multiplication study: its plan, its statistics, and all of it in miniature."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.runs.plan import Node, unique
from hone.runs.results import Finished, Results
from hone.studies.rl_after_ntp import mixture_claims
from hone.studies.rl_after_ntp.mixture_statistics import (
    gain,
    growth,
    rounds_to_half,
    smallest_gain,
)
from hone.studies.rl_after_ntp.multiplication import EXPERIMENTS, Settings, plan, study
from hone.studies.study import assess
from hone.training.configs import PostTrain, Supervise
from tests.studies.made_up import Runs, rows
from tests.studies.stages import carry_out

TINY = Settings(
    tuple(EXPERIMENTS), seeds=(0,), n=1, m=2, sizes=("1x2", "2x3"), sweep=(0.25, 0.6),
    temperatures=(1.5,), layers=1, width=16, steps=2, batch=8, rounds=1, prompts=4, group=2,
    star_rounds=1, star_samples=8, problems=8, samples=2, looks=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Every experiment, in miniature."""
    root = tmp_path_factory.mktemp("run")
    nodes = plan(TINY)
    for node in unique(nodes):
        carry_out(node, root)
    return Results(study.name, tuple(Finished.of(node, root) for node in nodes))


def test_all_experiments_are_carried_out_and_assessed(results: Results) -> None:
    """Nothing is learned in two steps; every claim but those about other sizes has an estimate."""
    found = {record["id"] for record in assess(study.claims, results)}
    assert {claim.id for claim in study.claims} - found <= {"smaller_is_lifted"}
    assert all(figure.draw(results) for figure in study.figures)


def test_tables_say_what_ran_at_which_scale_and_how_long_responses_are(results: Results) -> None:
    lengths, sizes = (table.measure(results) for table in study.tables)
    assert sizes is not None
    assert list(sizes) == ["p = 0.25", "p = 0.6", "p = 0.1, 4× steps", "1x2 digits", "2x3 digits"]
    read = {arm: row["sequences before RL"] for arm, row in sizes.items()}
    assert read.pop("p = 0.1, 4× steps") == "64"
    assert set(read.values()) == {"16"}
    assert lengths is not None
    for name in ("before", "more ntp, equal compute", "STaR", "GRPO"):
        assert lengths[f"{name}, sampled, all"]["share"] == 1
        parts = [lengths.get(f"{name}, sampled, {ended}") for ended in ("stopped", "cut off")]
        shares = np.array([part["share"] for part in parts if part], dtype=float)
        assert shares.sum() == pytest.approx(1)


def test_arms_share_their_pretraining() -> None:
    """Algorithms, budgets and temperatures start from one model a seed."""
    one = replace(study.settings("full", "core"), seeds=(0,))
    nodes = plan(replace(one, experiments=("algorithms", "matched", "temperatures")))
    assert len({node.key for node in nodes if node.stage == "pretrain"}) == 1


def test_sizes_differ_in_their_numbers_alone() -> None:
    settings = Settings(("sizes",), seeds=(0,))
    nodes = plan(settings)
    before = [node.config for node in nodes if isinstance(node.config, Supervise)]
    after = [node.config for node in nodes if isinstance(node.config, PostTrain)]
    for configs in (before, after):
        assert len({config.task for config in configs}) == len(settings.sizes)
        assert len({config.optimizer for config in configs}) == 1
    assert len({(config.steps, config.batch, config.mixture) for config in before}) == 1
    assert len({(config.rounds, config.prompts, config.group) for config in after}) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("sizes", ("4",)), ("sizes", ("²x3",)), ("sizes", ("4x1",)), ("sizes", ("2x2", "2x2")),
     ("n", 0), ("m", 1), ("width", 20), ("sweep", (1.2,)),
     ("temperatures", (0.0,)), ("rounds", 0), ("lr", 0.0)],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UsageError, match="m = 1" if value == ("4x1",) else key):
        replace(TINY, **{key: value})


class TestStatistics:
    """On runs made up so that the answer is known."""

    @pytest.fixture
    def runs(self, tmp_path: Path) -> Runs:
        return Runs(tmp_path)

    def stage(self, runs: Runs, stage: str, seed: int, right: float, **factors: str) -> None:
        table = rows("worked", right, temperature=0.0)
        tables, arm = {"evaluation-000001": table}, f"{stage} {factors}"
        runs.add(stage, seed, tables, arm=arm, **factors)  # pyright: ignore[reportArgumentType]

    def test_a_gain_is_paired_by_seed_and_problem(self, runs: Runs) -> None:
        for seed, right in enumerate((0.5, 0.6, 0.7)):
            self.stage(runs, "rl", seed, right + 0.25)
            self.stage(runs, "pretrain", seed, right)
        found = gain(runs.results.select(stage="rl"), runs.results.select(stage="pretrain"))
        assert found.value == pytest.approx(0.25)
        assert found.interval is not None
        assert found.interval[1] - found.interval[0] < 0.13  # though seeds are 0.1 apart

    def test_the_smallest_gain_is_that_of_the_worst_arm_of_each_seed(self, runs: Runs) -> None:
        for seed in range(3):
            self.stage(runs, "pretrain", seed, 0.2)
            for name, right in (("a", 0.9), ("b", 0.5 + seed / 10)):
                self.stage(runs, "rl", seed, right, which=name)
        after, before = runs.results.select(stage="rl"), runs.results.select(stage="pretrain")
        assert smallest_gain(after, before, "which").value == pytest.approx(0.4)

    def test_half_of_the_gain_is_made_where_the_course_first_reaches_it(self, runs: Runs) -> None:
        for seed, rise in enumerate((2, 4)):
            course = [{"step": step, "greedy_accuracy": 0.8 if step >= rise else 0.1}
                      for step in range(9)]  # fmt: skip
            asked = {"evaluation-000008": rows("worked", 0.8, temperature=0.0)}
            runs.add("rl", seed, asked, course)
        assert rounds_to_half(runs.results).value == pytest.approx((2 / 8 + 4 / 8) / 2)

    def test_when_a_slow_course_came_to_half_is_as_open_as_its_problems_leave_it(
        self, runs: Runs
    ) -> None:
        """Half is 0.5 ± 0.1 with 100 problems, a hundredth a round."""
        course = [{"step": step, "greedy_accuracy": step / 100} for step in range(101)]
        for seed in range(3):
            asked = {"evaluation-000100": rows("worked", 1.0, n=100, temperature=0.0)}
            runs.add("rl", seed, asked, course)
        found = rounds_to_half(runs.results)
        assert found.value == pytest.approx(0.5)
        assert found.interval == pytest.approx((0.4, 0.6), abs=0.015)

    def test_length_grows_by_the_ratio_of_means_over_the_worst_algorithm(self, runs: Runs) -> None:
        """From 11 tokens in 3 of 4 answers to all, and from 1 in half of them; ends not counted."""
        for seed in range(3):
            for algorithm, worked in (("grpo", 60), ("star", 40)):
                mixed = [rows("long", 1.0, n=worked), rows("short", 1.0, n=80 - worked)]
                ids = pl.Series([str(i) for i in range(80)])
                before = pl.concat(mixed).with_columns(problem_id=ids)
                tables = {"evaluation-000000": before, "evaluation-000002": rows("long", 1.0, n=80)}
                runs.add("rl", seed, tables, arm=algorithm, algorithm=algorithm)
        found = growth(runs.results)
        assert found.value == pytest.approx(11 * 80 / (60 * 11 + 20))
        assert found.interval is not None
        assert found.interval[0] < 1.25 < 1.35 < found.interval[1]

    def test_worked_is_better_by_the_difference_of_the_two_accuracies(self, runs: Runs) -> None:
        for seed in range(2):
            worked, answers = rows("worked", 0.75, n=100), rows("answer", 0.25, n=300)
            neither = rows("other", 0.0, n=100)
            ids = pl.Series([str(i) for i in range(500)])
            table = pl.concat([worked, answers, neither]).with_columns(problem_id=ids)
            runs.add("pretrain", seed, {"evaluation-000001": table}, experiment="algorithms")
        found = mixture_claims.worked_is_better(runs.results)
        assert found is not None
        assert found.value == pytest.approx(0.5)
        assert found.interval is not None
        assert found.interval[0] < 0.45 < 0.55 < found.interval[1]

    def test_prediction_is_compared_at_its_own_budget(self, runs: Runs) -> None:
        for budget, right in (("×1 samples", 0.3), ("equal compute", 0.4)):
            for stage, rate in (("pretrain", 0.25), ("more_ntp", right)):
                self.stage(runs, stage, 0, rate, experiment="matched", budget=budget)
        self.stage(runs, "rl", 0, 0.9, experiment="algorithms", algorithm="grpo")
        for budget, added in (("×1 samples", 0.05), ("equal compute", 0.15)):
            more = mixture_claims.added_by_prediction(budget)(runs.results)
            over = mixture_claims.rl_over_prediction(budget)(runs.results)
            assert more is not None
            assert over is not None
            assert more.value == pytest.approx(added)
            assert over.value == pytest.approx(0.65 - added)
        assert mixture_claims.rl_over_prediction("×10 samples")(runs.results) is None

    def test_a_run_without_the_arms_says_and_shows_nothing(self, runs: Runs) -> None:
        runs.pretrained(0, experiment="something else")
        assert not assess(study.claims, runs.results)
        assert not any(figure.draw(runs.results) for figure in study.figures)
        assert not any(table.measure(runs.results) for table in study.tables)


def test_every_part_has_three_seeds() -> None:
    for part in study.presets["full"]:
        seeds = {node.seed for node in _nodes("full", part)}
        assert len(seeds) >= 3


def _nodes(preset: str, part: str) -> list[Node]:
    return plan(study.settings(preset, part))
