"""The statistics that decide parity's claims, on runs made up so that the answer is known."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.runs.plan import Factor
from hone.studies.rl_after_ntp import parity_rounds
from hone.studies.rl_after_ntp import parity_statistics as statistics
from hone.studies.rl_after_ntp.parity import study
from tests.studies.made_up import PROBLEMS, D, Runs, rows


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def star(runs: Runs, seed: int, p_cot: float, flip: int, rounds: int = 8) -> None:
    """A STaR run from a sound model; greedy accuracy jumps at the flip, the odds double."""
    factors: dict[str, Factor] = {"experiment": "rounds", "p_cot": p_cot}
    runs.pretrained(seed, arm=f"p={p_cot}", **factors)  # pyright: ignore[reportArgumentType]
    odds = p_cot / (1 - p_cot) * 2.0 ** np.arange(rounds + 1)
    metrics = [
        {
            "step": step,
            "greedy_accuracy": 0.99 if step >= flip else 0.5,
            "share_long": float(odds[step] / (1 + odds[step])),
        }
        for step in range(rounds + 1)
    ]
    tables = {f"train-{step:06d}": rows("long", 1.0).with_columns(step=pl.lit(step))
              for step in range(1, rounds + 1)}  # fmt: skip
    greedy = {"evaluation-000001": rows("long", 0.99, temperature=0.0)}
    runs.add("rl", seed, {**tables, **greedy}, metrics, arm=f"p={p_cot}", **factors)


THEORY = {0.25: 1, 0.1: 3, 0.05: 4, 0.02: 5}


class TestRounds:
    def test_flips_as_theory_says(self, runs: Runs) -> None:
        for seed in range(3):
            for p_cot, flip in THEORY.items():
                star(runs, seed, p_cot, flip)
        distance = parity_rounds.flip_distance(runs.results)
        slope = parity_rounds.flip_slope(runs.results)
        odds = parity_rounds.odds_slope(runs.results)
        assert distance is not None
        assert slope is not None
        assert odds is not None
        assert distance.value == 0
        assert slope.value == pytest.approx(1.0, abs=0.05)
        assert odds.value == pytest.approx(0.0, abs=1e-6)

    def test_a_finite_problem_set_leaves_the_odds_open(self, runs: Runs) -> None:
        """All seeds agree to the last digit; shares of 200 problems do not fix a slope so well."""
        for seed in range(3):
            star(runs, seed, 0.1, 3)
        odds = parity_rounds.odds_slope(runs.results)
        assert odds is not None
        assert odds.interval is not None
        assert odds.interval[0] < -0.05
        assert odds.interval[1] > 0.05

    def test_one_late_flip_is_seen(self, runs: Runs) -> None:
        for seed in range(3):
            for p_cot, flip in THEORY.items():
                star(runs, seed, p_cot, flip + (3 if (seed, p_cot) == (1, 0.1) else 0))
        distance = parity_rounds.flip_distance(runs.results)
        assert distance is not None
        assert distance.value == pytest.approx(1.0)  # 0, 3, 0

    def test_a_run_that_never_flips_counts_as_one_round_after_its_last(self, runs: Runs) -> None:
        star(runs, 0, 0.25, flip=99, rounds=6)
        distance = parity_rounds.flip_distance(runs.results)
        assert distance is not None
        assert distance.value == 7 - 1

    def test_a_model_that_predicts_the_parity_directly_is_no_seed(self, runs: Runs) -> None:
        for seed in range(3):
            star(runs, seed, 0.25, 1)
            star(runs, seed, 0.1, 3)
        runs.pretrained(2, short=0.99, experiment="rounds", p_cot=0.02)
        found = parity_rounds.flip_distance(runs.results)
        assert found is not None
        assert tuple(found.seeds) == (0, 1)
        assert "left out: seed 2, whose short answers are no coin flips" in found.note
        assert statistics.invalid_seeds(runs.results) == [2]

    def test_a_model_that_never_answers_short_has_not_left_the_band(self, runs: Runs) -> None:
        for seed in range(3):
            star(runs, seed, 0.25, 1)
        table = pl.concat([rows("long", 0.99, temperature=t) for t in (0.0, 1.0)])
        tables = {"evaluation-000001": table}
        runs.add("pretrain", 3, tables, arm="p=0.9", experiment="rounds", p_cot=0.9)
        assert statistics.invalid_seeds(runs.results) == []


class TestThreshold:
    def sweep(self, runs: Runs, crossing: float) -> None:
        for seed in range(3):
            for p_cot in (0.1, 0.28, 0.3, 0.38, 0.42, 0.5):
                greedy = 0.99 if p_cot > crossing else 0.5
                runs.pretrained(seed, greedy, experiment="threshold", p_cot=p_cot)

    def test_where_it_should_be(self, runs: Runs) -> None:
        self.sweep(runs, 1 / 3)
        below, above, place = (
            measure(runs.results)
            for measure in (
                statistics.below_threshold,
                statistics.above_threshold,
                statistics.crossing,
            )
        )
        assert below is not None
        assert above is not None
        assert place is not None
        assert below.value == pytest.approx(0.5)
        assert above.value == pytest.approx(0.99)
        assert place.value == pytest.approx(0.3 + 0.08 * 0.25 / 0.49)
        assert place.interval is not None
        assert place.interval[0] <= 0.3
        assert place.interval[1] >= 0.38

    def test_a_seed_that_predicts_the_parity_directly_is_named_and_kept(self, runs: Runs) -> None:
        self.sweep(runs, 1 / 3)
        below = statistics.below_threshold(runs.results)
        assert below is not None
        assert below.note == ""
        runs.pretrained(1, short=0.9, experiment="threshold", p_cot=0.2)
        below = statistics.below_threshold(runs.results)
        assert below is not None
        assert tuple(below.seeds) == (0, 1, 2)
        assert below.note == "kept: seed 1, whose short answers are no coin flips"

    def test_a_model_above_chance_below_the_threshold_shows(self, runs: Runs) -> None:
        self.sweep(runs, 0.29)
        below = statistics.below_threshold(runs.results)
        assert below is not None
        assert below.value == pytest.approx(0.5)
        runs.pretrained(0, 0.95, experiment="threshold", p_cot=0.2)
        below = statistics.below_threshold(runs.results)
        assert below is not None
        assert below.value == pytest.approx((0.95 + 0.5 + 0.5) / 3)


def calibrated(runs: Runs, seed: int, p_cot: float, long: float) -> None:
    table = pl.concat([rows("short", 0.5), rows("long", 0.99)])
    table = table.with_columns(problem_id=pl.int_range(len(table)).cast(pl.String))
    kept = [i for i in range(PROBLEMS) if i >= long * PROBLEMS]
    kept += [PROBLEMS + i for i in range(round(long * PROBLEMS))]
    runs.add("calibration", seed, {"evaluation-000001": table[kept]}, experiment="threshold",
             p_cot=p_cot)  # fmt: skip


def test_the_worst_share_counts_and_200_problems_leave_it_open(runs: Runs) -> None:
    for seed in range(3):
        calibrated(runs, seed, 0.1, 0.1)
        calibrated(runs, seed, 0.3, 0.24)
    found = statistics.share_error(runs.results)
    assert found is not None
    assert found.value == pytest.approx(0.06)
    assert found.interval is not None
    assert found.interval == pytest.approx((0.0, 0.06 + 0.06), abs=0.02)


def test_chains_that_are_right_by_luck_are_not_exact(runs: Runs) -> None:
    for seed in range(3):
        for reward, exact in (("cot", 1.0), ("e2e", 0.4)):
            factors: dict[str, Factor] = {
                "experiment": "reward_and_temperature",
                "algorithm": "star",
                "reward": reward,
                "temperature": 1.5,
            }
            runs.pretrained(seed, **factors)  # pyright: ignore[reportArgumentType]
            runs.add("rl", seed, {"evaluation-000001": rows("long", 1.0, exact=exact)}, **factors)  # pyright: ignore[reportArgumentType]
    gap = statistics.reward_gap(1.5)(runs.results)
    assert gap is not None
    assert gap.value == pytest.approx(0.6)


def test_a_sweep_that_never_learned_the_chain_decides_nothing(runs: Runs) -> None:
    for seed in range(3):
        table = pl.concat(
            [rows("short", 0.5, temperature=0.0), rows("short", 0.5), rows("long", 0.5)]
        )
        runs.add("pretrain", seed, {"evaluation-000001": table}, experiment="leap", p_cot=0.3)
    found = statistics.partial_chains(runs.results)
    assert found is not None
    assert math.isnan(found.value)
    assert "not learned" in found.note


def test_no_claim_is_decided_below_eleven_bits(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        for p_cot in (0.25, 0.42):
            runs.pretrained(seed, 0.5, experiment="threshold", p_cot=p_cot)
    assert statistics.below_threshold(runs.results) is not None
    monkeypatch.setattr(statistics, "SMALLEST_D", D + 1)
    found = statistics.below_threshold(runs.results)
    assert found is not None
    assert math.isnan(found.value)


def test_every_claim_says_nothing_of_a_run_without_its_experiment(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.pretrained(0, experiment="something else", p_cot=0.25)
    assert all(claim.measure(runs.results) is None for claim in study.claims)


def test_every_figure_is_absent_without_its_experiment(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.pretrained(0, experiment="something else", p_cot=0.25)
    assert all(figure.draw(runs.results) is None for figure in study.figures)
