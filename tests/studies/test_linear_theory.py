"""The study of linear models: its bounds against the exact optimum, its statistics, its plan."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.measures import clopper_pearson
from hone.runs.plan import Factor
from hone.studies.rl_after_ntp import linear_bounds, linear_statistics
from hone.studies.rl_after_ntp.linear_bounds import QUANTITIES, doubled, flips_after
from hone.studies.rl_after_ntp.linear_theory import plan, study
from hone.training.linear_configs import LinearSGD
from tests.runs.tiny import hone
from tests.studies.made_up import Runs, rows

LAM = 0.1


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def sgd(lam: float) -> LinearSGD:
    return LinearSGD(1, 1, lam, lam, lam)


# ---------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize("p", [0.02, 0.25, 1 / 3, 0.6])
@pytest.mark.parametrize("lam", [1e-4, 1e-2, 0.3, 3.0])
def test_the_optimum_is_as_near_to_the_truth_as_the_corrected_bounds_say(
    p: float, lam: float
) -> None:
    optimum, truth = linear_bounds.optimum(p, sgd(lam)), linear_bounds.truth(p)
    for quantity in QUANTITIES:
        gap = abs(optimum[quantity] - truth[quantity])
        assert gap <= linear_bounds.bias(quantity, p, sgd(lam)) + 1e-12


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_optimum_goes_to_the_truth_with_lambda(quantity: str) -> None:
    truth = linear_bounds.truth(0.2)[quantity]
    gaps = [abs(linear_bounds.optimum(0.2, sgd(lam))[quantity] - truth) for lam in (1.0, 0.1, 1e-6)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-4


def test_a_bound_begins_to_say_something_where_it_says_so() -> None:
    steps = linear_bounds.steps_until("first", 3, 0.25, sgd(0.3), 0.1, 0.5)
    noise = linear_bounds.noise("first", 3, sgd(0.3), steps, 0.1)
    assert noise + linear_bounds.bias("first", 0.25, sgd(0.3)) == pytest.approx(0.5)
    assert linear_bounds.steps_until("token", 3, 0.25, sgd(0.3), 0.1, 0.5) == np.inf


@pytest.mark.parametrize("p", [0.25, 0.2, 0.1, 0.05, 0.02, 0.001])
def test_odds_double_and_pass_a_third_when_told(p: float) -> None:
    shares = [doubled(p, n) for n in range(12)]
    for before, after in pairwise(shares):
        assert after == pytest.approx(2 * before / (1 + before))
    rounds = flips_after(p)
    assert shares[rounds] > 1 / 3
    assert shares[rounds - 1] <= 1 / 3 + 1e-9


# ------------------------------------------------------------------------------ statistics


def probabilities(error: dict[int, float], lam: float = LAM) -> dict[str, pl.DataFrame]:
    """Two replicas whose probabilities are so far from the optimum, above it or below, by T."""
    optimum = linear_bounds.optimum(0.25, sgd(lam))
    return {
        f"probabilities-{steps:06d}": pl.DataFrame(
            [
                {"quantity": quantity, "position": 1, "low": middle - away / 2,
                 "high": middle + away, "mean": middle, "replica": replica, "steps": steps}
                for quantity, middle in optimum.items()
                for replica in range(2)
            ]
        )
        for steps, away in error.items()
    }  # fmt: skip


def add_rates(runs: Runs, seed: int, error: dict[int, float], lam: float = LAM) -> None:
    factors: dict[str, Factor] = {"experiment": "rates", "d": 11, "p_cot": 0.25, "batch": 1,
                                  "lam": lam, "chain": lam}  # fmt: skip
    runs.add("rates", seed, probabilities(error, lam), arm=f"{lam}", **factors)  # pyright: ignore[reportArgumentType]


def test_a_rate_is_the_slope_of_late_errors(runs: Runs) -> None:
    for seed in range(3):
        late = {2**k: 2.0 ** (-k / 2) for k in range(11, 15)}
        add_rates(runs, seed, {256: 0.9, 1024: 0.9, **late})
    found = linear_statistics.rate("token")(runs.results)
    assert found is not None
    assert found.value == pytest.approx(-0.5)


def test_a_fit_that_leaves_its_bound_once_is_counted_once(runs: Runs) -> None:
    bound = linear_bounds.noise("first", 11, sgd(1.0), 2**20, linear_statistics.DELTA)
    for seed in range(3):
        add_rates(runs, seed, {2**20: (1.01 if seed == 0 else 0.99) * bound}, lam=1.0)
    found = linear_statistics.over_bound(runs.results)
    assert found is not None
    assert found.value == pytest.approx(1 / 3)


def test_settings_that_are_fit_to_the_same_data_are_no_more_data(runs: Runs) -> None:
    for seed in range(3):
        for lam in (1.0, 2.0):
            add_rates(runs, seed, {2**20: 0.0}, lam)
    found = linear_statistics.over_bound(runs.results)
    assert found is not None
    assert found.interval == clopper_pearson(0, 3 * 2)


def test_an_order_is_of_two_points_or_more(runs: Runs) -> None:
    for seed in range(3):
        add_rates(runs, seed, {1024: 0.5, 2**14: 0.25})
    assert linear_statistics.rate("token")(runs.results) is None
    assert linear_statistics.bias_order("token")(runs.results) is None


def test_fits_whose_bounds_no_error_can_exceed_do_not_count(runs: Runs) -> None:
    for seed in range(3):
        add_rates(runs, seed, {16: 0.5})
        assert linear_statistics.bounded(runs.results)["bound"].min() > 1  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
    assert linear_statistics.over_bound(runs.results) is None


def test_the_chains_bound_counts_long_samples_alone(runs: Runs) -> None:
    add_rates(runs, 0, {16: 0.1})
    first, token = (
        linear_statistics.bound_on(runs.results, name, 400) for name in ("first", "token")
    )
    assert first == linear_bounds.noise("first", 11, sgd(LAM), 400, 0.1)
    assert token == linear_bounds.noise("token", 11, sgd(LAM), 100, 0.1)


def test_the_cheapest_budget_solves_and_none_where_none_or_the_first_does(runs: Runs) -> None:
    for seed in range(3):
        for d, needed in ((8, 500), (16, 2000), (32, 9999)):
            for budget in (500, 1000, 2000):
                exact = 0.99 if budget >= needed else 0.5
                table = rows("long", 1.0, temperature=0.0, exact=exact)
                runs.add("rl", seed, {"evaluation-000002": table}, experiment="cost", d=d,
                         budget=budget)  # fmt: skip
    sizes, fewest = linear_statistics.cheapest(linear_statistics.solved(runs.results))
    assert sizes.tolist() == [8, 16, 32]
    assert np.array_equal(fewest, [[np.nan, 2000, np.nan]] * 3, equal_nan=True)


def star(runs: Runs, seed: int, error: float, shares: list[float]) -> None:
    """A model that is off by an error at each of two inputs, and what STaR made of it."""
    factors: dict[str, Factor] = {"experiment": "rounds", "p_cot": 0.1, "d": 11}
    table = pl.DataFrame(
        {
            "problem_id": ["a", "b"] * 2,
            "logprob": np.log([0.1 + error, 0.1 - error, 0.45, 0.45]),
            "strategy": ["long", "long", "short", "short"],
        }
    )
    runs.add("likelihood", seed, {"likelihood-000000": table}, **factors)  # pyright: ignore[reportArgumentType]
    tables = {}
    for step, share in enumerate(shares):
        n = round(200 * share)
        table = pl.concat([rows("long", 1.0, n=n), rows("short", 0.5, n=200 - n)])
        last = step == len(shares) - 1
        name = f"evaluation-{step:06d}" if last else f"train-{step + 1:06d}"
        tables[name] = table.with_columns(step=pl.lit(step + 1))
    runs.add("rl", seed, tables, **factors)  # pyright: ignore[reportArgumentType]


def test_deviations_are_measured_against_what_is_allowed(runs: Runs) -> None:
    """From the first round on: before it, the model is the one whose error is known."""
    for seed in range(3):
        star(runs, seed, 0.01, [0.5, doubled(0.1, 1) + 0.06, doubled(0.1, 2)])
    found = linear_statistics.deviation(runs.results)
    assert found is not None
    assert found.value == pytest.approx(0.06 / (0.03 / 0.96), rel=0.15)  # shares are rounded


def test_the_last_round_is_held_against_odds_that_doubled_every_round(runs: Runs) -> None:
    for seed in range(3):
        tables = {}
        for step, share in ((1, 0.25), (2, 0.2), (3, 0.9)):  # the last is asked after training
            n = round(200 * share)
            table = pl.concat([rows("long", 1.0, n=n), rows("short", 0.5, n=200 - n)])
            name = f"train-{step:06d}" if step < 3 else "evaluation-000002"
            tables[name] = table.with_columns(step=pl.lit(step))
        runs.add("rl", seed, tables, experiment="exponential", rarity="2⁻ᵈ", d=4, p_cot=2.0**-4)
    found = linear_statistics.still_doubled(runs.results)
    assert found is not None
    assert found.value == pytest.approx(0.2 / doubled(2.0**-4, 1))


def test_a_share_of_none_is_known_as_well_as_its_count_allows(runs: Runs) -> None:
    """No chain in 200 samples a seed is not a share of zero without a doubt."""
    for seed in range(3):
        tables = {"train-000001": rows("short", 0.5, n=200).with_columns(step=pl.lit(1))}
        runs.add("rl", seed, tables, experiment="exponential", rarity="2⁻ᵈ", d=4, p_cot=2.0**-4)
    found = linear_statistics.still_doubled(runs.results)
    assert found is not None
    assert found.value == 0
    assert found.interval == pytest.approx((0, clopper_pearson(0, 200)[1] / 2.0**-4))


def test_a_size_that_no_budget_solves_counts_with_more_than_the_largest(runs: Runs) -> None:
    """Solved with 200 steps, and at twice the size not with 400: T grows as d^2 at least."""
    for seed in range(3):
        for d, solved_from in ((8, 200), (16, math.inf)):
            for budget in (100, 200, 400):
                right = rows("long", float(budget >= solved_from), n=64, temperature=0.0)
                runs.add("rl", seed, {"evaluation-000003": right}, arm=f"{d} {budget}",
                         experiment="cost", d=d, budget=budget)  # fmt: skip
    order = linear_statistics.cost_order(runs.results)
    exact = linear_statistics.exact_at_largest_budget(runs.results)
    assert order is not None
    assert exact is not None
    assert order.value == pytest.approx(2.0)  # 200 steps, and 800 or more
    assert exact.value == 0


def test_experiments_that_ask_no_policy_have_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Propositions 1 to 3 are about errors of fits: no stage answers anything."""
    small = ["experiments=rates", "rate_steps=512", "replicas=1", "seeds=0"]
    code, _, errors = hone(["run", "linear_theory", *small, "--out", tmp_path], capsys)
    assert (code, errors) == (0, "")
    (report,) = tmp_path.glob("*/report.html")
    assert "Proposition 1" in report.read_text()


def test_what_allows_everything_is_no_limit(runs: Runs) -> None:
    star(runs, 0, 0.05, [0.1] * 6)
    limits = linear_statistics.allowed(runs.results, 0, 0.1, 6)
    assert limits[:3].tolist() == pytest.approx([0.0625, 3 * 0.0625, 7 * 0.0625])
    assert np.isnan(limits[4:]).all()


def test_a_model_that_is_far_off_has_no_limit_to_be_held_to(runs: Runs) -> None:
    """Where 4ε is 1 or more, (7) says nothing: neither that a deviation is allowed, nor not."""
    star(runs, 0, 0.05, [0.1, 0.9])
    table = pl.DataFrame({"problem_id": ["a"], "logprob": [0.0], "strategy": ["long"]})
    runs.add("likelihood", 0, {"likelihood-000000": table}, experiment="rounds", p_cot=0.1, d=11)
    assert np.isnan(linear_statistics.allowed(runs.results, 0, 0.1, 6)).all()
    found = linear_statistics.deviation(runs.results)
    assert found is not None
    assert np.isnan(found.value)


def test_learning_at_once_is_when_half_of_the_uncertainty_is_gone(runs: Runs) -> None:
    learned, chance = 0.01, np.log(2) / 2
    for d, moment in ((4, 50), (12, 999)):
        metrics = [
            {"step": step, "loss": learned if step >= moment else chance, "sequences": 128 * step}
            for step in range(1, 201)
        ]
        runs.add("direct", 0, {}, metrics, experiment="direct", d=d)
    sizes, found = linear_statistics.direct_sequences(runs.results.select(experiment="direct"))
    assert sizes.tolist() == [4, 12]
    assert 128 * 50 < found[0, 0] < 128 * 70
    assert np.isnan(found[0, 1])


# ------------------------------------------------------------------------------------ plan


def test_a_run_without_an_experiment_says_and_shows_nothing_of_it(runs: Runs) -> None:
    runs.pretrained(0, experiment="something else", p_cot=0.25)
    assert all(claim.measure(runs.results) is None for claim in study.claims)
    assert all(figure.draw(runs.results) is None for figure in study.figures)
    assert all(table.measure(runs.results) is None for table in study.tables)


def test_what_quick_has_done_full_does_not_do_again() -> None:
    quick, core = (
        {node.key for node in plan(study.settings(*names))}
        for names in (("quick", ""), ("full", "core"))
    )
    assert len(quick & core) > 0.7 * len(quick)


@pytest.mark.parametrize(
    ("key", "value"),
    [("experiments", ("rate",)), ("sweep", (0.0,)), ("lam", 0.0), ("d", 97), ("d", 3),
     ("rare_steps", (0, 3)), ("experiments", ("rates", "rates")),
     ("cost_sizes", (8, 200)), ("lams", (0.0, 0.1)),
     ("samples", 0), ("rate_steps", 100), ("rare", (0.25, 0.25)), ("sweep", ())],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UsageError, match=key.rstrip("s")):
        plan(replace(study.settings("full", "core"), **{key: value}))
