"""Averaged SGD on linear models: against loops, against the population, and through a kill."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.models import linear
from hone.models.linear import LinearModel
from hone.studies.rl_after_ntp import linear_bounds
from hone.tasks.parity import Parity
from hone.training.configs import Evaluation, Likelihood
from hone.training.evaluation import likelihood
from hone.training.linear import fit, self_taught
from hone.training.linear_configs import LinearFit, LinearRates, LinearSGD, LinearStar
from hone.training.linear_data import Examples, Kept, demonstrated, drawn_from
from hone.training.linear_rates import inputs, measure, probabilities
from hone.training.linear_sgd import Fitter
from hone.training.policies import load_policy
from tests.memory import Memory

D = 5
SGD = LinearSGD(steps=40, batch=6, first=0.1, stop=0.2, chain=0.05)
NAMES = ("first", "stop", "plain", "product")


def by_loops(source: Examples, replica: int) -> LinearModel:
    """The algorithm as it is written down: a row, a predictor and a step at a time."""
    weights = {1: np.zeros(D), 0: np.zeros(2 * D + 2)}
    weights |= {place: np.zeros(2 * D + place - 1) for place in range(2, D + 1)}
    totals = {name: np.zeros_like(each) for name, each in weights.items()}
    counts = dict.fromkeys(weights, 0)
    rates = {0: SGD.stop, 1: SGD.first}

    def step(name: int, rows: list[tuple[np.ndarray, float]]) -> None:
        if not rows:
            return
        lam = rates.get(name, SGD.chain)
        totals[name] += weights[name]
        counts[name] += 1
        losses = [-y * expit(-y * (f @ weights[name])) * f for f, y in rows]
        gradient = np.mean(losses, axis=0) + lam * weights[name]
        weights[name] = weights[name] - gradient / (lam * counts[name])

    for x, y, longs in zip(source.x[:, replica], source.y[:, replica], source.longs[:, replica],
                           strict=True):  # fmt: skip
        step(1, [(row, out[0]) for row, out in zip(x, y, strict=True)])
        ends = np.where(np.arange(len(x)) < longs, -1.0, 1.0)
        stops = [np.array([*row, out[0], *(out[0] * row), 1.0])
                 for row, out in zip(x, y, strict=True)]  # fmt: skip
        step(0, list(zip(stops, ends, strict=True)))
        for place in range(2, D + 1):
            rows = [
                (np.array([*row, *out[: place - 1], *(out[place - 2] * row)]), out[place - 1])
                for row, out in zip(x[:longs], y[:longs], strict=True)
            ]
            step(place, rows)
    mean = {name: total / max(counts[name], 1) for name, total in totals.items()}
    plain, product = np.zeros((2 * D - 1, D - 1)), np.zeros((D, D - 1))
    for place in range(2, D + 1):
        plain[: D + place - 1, place - 2] = mean[place][: D + place - 1]
        product[:, place - 2] = mean[place][D + place - 1 :]
    return LinearModel(mean[1], mean[0], plain, product)


@pytest.mark.parametrize("p_cot", [0.0, 0.15, 1.0])
def test_all_predictors_and_replicas_at_once_are_loops_over_them(p_cot: float) -> None:
    """With 6 rows and p = 0.15 many steps have no long row, and replicas differ in which."""
    source = demonstrated(D, p_cot, SGD.batch, 3, Stream.root(0))
    fitter = Fitter(D, SGD, source, replicas=3)
    fitter.advance(SGD.steps)
    for replica in range(3):
        expected, found = by_loops(source(0, SGD.steps), replica), fitter.model(replica)
        for name in NAMES:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-12)


def test_wrong_steps_that_were_kept_are_fit_as_they_are() -> None:
    draw = np.random.default_rng(0).choice
    x, y = (draw([-1.0, 1.0], size=(30, D)) for _ in range(2))
    source = drawn_from(Kept(x, y, x, y), SGD.batch, Stream.root(1))
    fitter = Fitter(D, SGD, source)
    fitter.advance(SGD.steps)
    expected = by_loops(source(0, SGD.steps), 0)
    np.testing.assert_allclose(fitter.model().product, expected.product, atol=1e-12)


def test_demonstrations_are_those_of_the_task_and_long_as_often_as_asked() -> None:
    drawn = demonstrated(D, 0.3, 50, 2, Stream.root(0))(0, 200)
    chain = np.cumprod(drawn.x, axis=-1)
    is_long = np.arange(50) < drawn.longs[..., None]
    assert np.array_equal(drawn.y[is_long], chain[is_long])
    assert np.array_equal(drawn.y[~is_long][:, 0], chain[~is_long][:, -1])
    assert abs(is_long.mean() - 0.3) < 0.015
    counts = np.bincount((drawn.x.reshape(-1, D) > 0) @ 2 ** np.arange(D), minlength=2**D)
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 61.1  # χ², 31 degrees, 0.1 %


@pytest.mark.parametrize("pieces", [(7, 23, 40), (1, 2, 39, 40)])
def test_a_fit_does_not_depend_on_how_its_steps_are_taken(pieces: tuple[int, ...]) -> None:
    source = demonstrated(D, 0.3, SGD.batch, 2, Stream.root(0))
    whole, parts = (Fitter(D, SGD, source, replicas=2) for _ in range(2))
    whole.advance(SGD.steps)
    for to in pieces:
        parts.advance(to)
    for name, array in whole.state().items():
        assert np.array_equal(array, parts.state()[name])


@pytest.mark.parametrize("p_cot", [0.15, 0.6])
def test_a_long_fit_ends_at_the_optimum_of_the_population(p_cot: float) -> None:
    """Where the losses, averaged over all inputs and both modes, have no gradient (d ≥ 3)."""
    lam, steps = 0.2, 20_000
    sgd = LinearSGD(steps, 16, lam, lam, lam)
    fitter = Fitter(3, sgd, demonstrated(3, p_cot, 16, 1, Stream.root(0)))
    fitter.advance(steps)
    found = probabilities(fitter.model(), inputs(3))
    optimum = linear_bounds.optimum(p_cot, sgd)
    for quantity, expected in optimum.items():
        means = found.filter(pl.col("quantity") == quantity)
        assert means["low"].to_numpy() == pytest.approx(expected, abs=0.01)
        assert means["high"].to_numpy() == pytest.approx(expected, abs=0.01)


def config(steps: int = 300, p_cot: float = 0.25) -> LinearFit:
    sgd = LinearSGD(steps, 16, 1e-2, 1e-2, 1e-2)
    return LinearFit(Parity(D), p_cot, sgd, Evaluation(8, every=100, samples=8))


def test_a_killed_fit_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    contexts = [Memory(tmp_path / name) for name in "ab"]
    for context in contexts:
        context.folder.mkdir()
    whole, halves = contexts
    fit(config(), whole)
    short = config()
    fit(replace(short, sgd=replace(short.sgd, steps=200)), halves)  # the same steps up to there
    halves.resumed_at = 200
    fit(config(), halves)
    for name in NAMES:
        ends = [getattr(linear.load(context.folder), name) for context in contexts]
        assert np.array_equal(*ends)
    assert halves.tables["evaluation", 300].equals(whole.tables["evaluation", 300])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    context = Memory(tmp_path_factory.mktemp("fitted") / "checkpoint")
    context.folder.mkdir()
    sgd = LinearSGD(4000, 32, 3e-3, 3e-3, 1e-3)
    fit(LinearFit(Parity(6), 0.25, sgd, Evaluation(16, every=4000, samples=64)), context)
    return context


def test_a_fit_is_calibrated_and_answers_short(fitted: Memory) -> None:
    last = fitted.logged[-1]
    assert last["share_long"] == pytest.approx(0.25, abs=0.05)
    assert last["sampled_accuracy"] == pytest.approx(0.625, abs=0.08)
    table = fitted.tables["evaluation", 4000]
    greedy = table.filter(pl.col("temperature") == 0)
    assert (greedy["strategy"] == "short").all()


def test_likelihoods_are_those_that_the_theorem_names(fitted: Memory, tmp_path: Path) -> None:
    context = Memory(tmp_path, inputs={"policy": fitted.folder.parent})
    likelihood(Likelihood(Parity(6), 16), context)
    table = context.tables["likelihood", 0].with_columns(p=pl.col("logprob").exp())
    for strategy, share in (("long", 0.25), ("short", 0.375)):
        found = table.filter(pl.col("strategy") == strategy)["p"].to_numpy()
        assert found == pytest.approx(share, abs=0.12)
        assert found.mean() == pytest.approx(share, abs=0.03)


def test_two_rounds_of_star_make_the_chain_the_answer(fitted: Memory, tmp_path: Path) -> None:
    context = Memory(tmp_path, inputs={"policy": fitted.folder.parent})
    sgd = LinearSGD(2000, 32, 3e-3, 3e-3, 1e-3)
    self_taught(LinearStar(Parity(6), "cot", 3, 2000, sgd, Evaluation(16, 1, 64)), context)
    shares = [row["share_long"] for row in context.logged]
    for before, after in pairwise(shares):
        assert after == pytest.approx(2 * before / (1 + before), abs=0.08)
    assert context.logged[-1]["greedy_accuracy"] == 1.0
    loaded = load_policy(tmp_path, Parity(6))
    assert np.array_equal(loaded.model.first, linear.load(tmp_path).first)  # pyright: ignore[reportAttributeAccessIssue]


def test_a_killed_star_ends_as_if_it_had_not_been(fitted: Memory, tmp_path: Path) -> None:
    def stage(rounds: int) -> LinearStar:
        sgd = LinearSGD(50, 8, 1e-2, 1e-2, 1e-2)
        return LinearStar(Parity(6), "cot", rounds, 100, sgd, Evaluation(8, 1))

    inputs = {"policy": fitted.folder.parent}
    whole, halves = Memory(tmp_path / "a", inputs=inputs), Memory(tmp_path / "b", inputs=inputs)
    for context in (whole, halves):
        context.folder.mkdir()
    self_taught(stage(4), whole)
    self_taught(stage(2), halves)
    halves.resumed_at = 2
    self_taught(stage(4), halves)
    for key in (("train", 4), ("evaluation", 4)):
        assert halves.tables[key].equals(whole.tables[key])


def test_one_run_is_a_run_of_every_length(tmp_path: Path) -> None:
    sgd = LinearSGD(64, 4, 0.1, 0.1, 0.1)
    long, short = Memory(tmp_path), Memory(tmp_path)
    measure(LinearRates(Parity(4), 0.3, sgd, replicas=2, looks=4), long)
    measure(LinearRates(Parity(4), 0.3, replace(sgd, steps=16), replicas=2, looks=1), short)
    assert {step for _, step in long.tables} == {8, 16, 32, 64}
    assert long.tables["probabilities", 16].equals(short.tables["probabilities", 16])


def test_probabilities_span_those_of_all_inputs() -> None:
    fitter = Fitter(3, SGD, demonstrated(3, 0.4, SGD.batch, 1, Stream.root(2)))
    fitter.advance(SGD.steps)
    x, found = inputs(3), probabilities(fitter.model(), inputs(3))
    assert len(np.unique(x, axis=0)) == 8
    each = [expit(row[0] * fitter.model().first_scores(row[None])[0]) for row in x]
    first = found.filter(pl.col("quantity") == "first")
    assert (first["low"][0], first["high"][0]) == pytest.approx((min(each), max(each)))
    assert sorted(found.filter(pl.col("quantity") == "token")["position"]) == [2, 3]


@pytest.mark.parametrize(
    ("task", "message"), [(Parity(97), "d = 97"), (Parity(8, leap=2), "leap = 2")]
)
def test_what_a_linear_model_cannot_be_fit_to_is_refused(task: Parity, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        LinearFit(task, 0.25, SGD, Evaluation(8, 1))


def test_a_model_of_another_task_is_refused(fitted: Memory) -> None:
    with pytest.raises(UsageError, match="d = 6"):
        load_policy(fitted.folder, Parity(7))
