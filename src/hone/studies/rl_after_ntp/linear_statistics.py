"""The statistics behind the claims about linear models: functions of finished stages."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from jaxtyping import Float

from hone.measures import Estimate, over_seeds, proportion_over_seeds, slope_over_seeds
from hone.measures.estimates import Number
from hone.runs.results import Results
from hone.studies.rl_after_ntp import linear_bounds
from hone.studies.rl_after_ntp.mixture_statistics import extreme_of, greedy, measured_on, sampled
from hone.studies.rl_after_ntp.parity_statistics import EXACT, IS_LONG, SOLVED
from hone.studies.study import Measure
from hone.training.linear_configs import LinearSGD

DELTA = 0.1
"""How often a bound may fail."""
SMALL = 0.1
"""λ up to which orders are read; with λ = 1 a logit is no longer near its unregularised value."""
FROM_STEPS = 2048
"""T from which rates are read; earlier the first, long steps are still in the mean."""


# ------------------------------------------------------------------------------- Theorem 1


def likelihood_errors(results: Results) -> pl.DataFrame:
    """|π(chain | x) - p| and |π(right short answer | x) - (1 - p)/2|, input by input."""
    table = results.select(stage="likelihood").rollouts("likelihood")
    target = pl.when(IS_LONG).then(pl.col("p_cot")).otherwise((1 - pl.col("p_cot")) / 2)
    return table.with_columns(error=(pl.col("logprob").exp() - target).abs())


def largest_likelihood_error(strategy: str) -> Measure:
    """Per seed, the largest error over inputs and models."""

    def measure(results: Results) -> Estimate:
        table = likelihood_errors(results).filter(pl.col("strategy") == strategy)
        worst = table.group_by("seed").agg(pl.col("error").max()).sort("seed")
        return over_seeds(worst["error"].to_numpy(), worst["seed"].to_list(), bounds=(0.0, 1.0))

    return measure


def greedy_form(p_cot: float, hit: pl.Expr) -> Measure:
    """Per seed, the smallest share over d of greedy answers that are as they should be."""

    def measure(results: Results) -> Estimate:
        rows = greedy(results.select(stage="pretrain", p_cot=p_cot))
        return extreme_of(rows, hit, "d", largest=False)

    return measure


# ---------------------------------------------------------------------------- Propositions


def sgd_of(results: Results) -> LinearSGD:
    """What the stages of one setting were fit by, but for their steps."""
    (batch,), (lam,), (chain,) = map(results.factor, ("batch", "lam", "chain"))
    return LinearSGD(1, int(batch), float(lam), float(lam), float(chain))


def errors(results: Results) -> pl.DataFrame:
    """The largest distance over inputs, and over positions, of probabilities from the optimum.

    A row a seed, replica, T and quantity. The optimum is the regularised one of the population:
    what is left is SGD's own doing.
    """
    (p_cot,) = results.factor("p_cot")
    optimum = linear_bounds.optimum(float(p_cot), sgd_of(results))
    goal = pl.col("quantity").replace_strict(dict(optimum), return_dtype=pl.Float64)
    error = pl.max_horizontal(pl.col("high") - goal, goal - pl.col("low"))
    table = results.rollouts("probabilities").with_columns(error=error)
    return table.group_by("seed", "replica", "steps", "quantity").agg(pl.col("error").max())


def error_curve(
    results: Results, quantity: str
) -> tuple[Float[np.ndarray, " looks"], Float[np.ndarray, "seeds looks"]]:
    """T, and the mean error over replicas for every seed."""
    table = errors(results).filter(pl.col("quantity") == quantity)
    means = table.group_by("seed", "steps").agg(pl.col("error").mean())
    wide = means.pivot("seed", index="steps", values="error", sort_columns=True).sort("steps")
    return wide["steps"].to_numpy().astype(float), wide.drop("steps").to_numpy().T


def rate(quantity: str) -> Measure:
    """The slope of the logarithm of the error on that of T, for the study's d."""

    def measure(results: Results) -> Estimate | None:
        part = results.select(d=max(results.factor("d")))
        steps, error = error_curve(part, quantity)
        late = steps >= FROM_STEPS
        return _order(steps[late], error[:, late], part.seeds)

    return measure


def over_bound(results: Results) -> Estimate | None:
    """The share of fits that at any T leave any bound, over all settings.

    A fit none of whose bounds is below the largest error that is possible does not count. Settings
    of one d are fit to the same data, so that it is data sets that are independent.
    """
    left, total, data_sets = [], [], 0
    for seed in results.seeds:
        counts = [
            (d, *_outside(results.of_seeds([seed]).select(arm=arm)))
            for d in results.factor("d")
            for arm in results.select(d=d).arms
        ]
        left.append(sum(over for _, over, _ in counts))
        total.append(sum(fits for _, _, fits in counts))
        data_sets += sum({d: fits for d, _, fits in sorted(counts)}.values())
    if not all(total):
        return None
    return proportion_over_seeds(left, total, results.seeds, problems=data_sets)


def _outside(results: Results) -> tuple[int, int]:
    """How many of one setting's replicas leave a bound, of how many that could."""
    table = bounded(results).filter(pl.col("bound") < pl.col("possible"))
    outside = table.group_by("replica").agg((pl.col("error") > pl.col("bound")).any())["error"]
    return int(outside.sum()), len(outside)


def bounded(results: Results) -> pl.DataFrame:
    """`errors` of one setting, with the bound on each and the largest error that is possible."""
    (p_cot,), table = results.factor("p_cot"), errors(results)
    optimum = linear_bounds.optimum(float(p_cot), sgd_of(results))
    cells = [*table.select("quantity", "steps").iter_rows()]
    return table.with_columns(
        bound=pl.Series([bound_on(results, quantity, steps) for quantity, steps in cells]),
        possible=pl.Series([max(optimum[name], 1 - optimum[name]) for name, _ in cells]),
    )


def bound_on(results: Results, quantity: str, steps: Number) -> float:
    """What an error may be after so many steps; the chain's are those that have a long row."""
    (d,), (p_cot,), sgd = results.factor("d"), results.factor("p_cot"), sgd_of(results)
    seen = 1 - (1 - float(p_cot)) ** sgd.batch if quantity == "token" else 1.0
    return linear_bounds.noise(quantity, int(d), sgd, max(1.0, seen * steps), DELTA)


def bias_curve(
    results: Results, quantity: str
) -> tuple[Float[np.ndarray, " lams"], Float[np.ndarray, "seeds lams"]]:
    """λ, and how far the mean over inputs, replicas and positions is from the truth, by seed."""
    (p_cot,) = results.factor("p_cot")
    goal = linear_bounds.truth(float(p_cot))[quantity]
    table = results.rollouts("probabilities").filter(pl.col("quantity") == quantity)
    means = table.group_by("seed", "lam").agg(pl.col("mean").mean()).sort("lam")
    wide = means.pivot("seed", index="lam", values="mean", sort_columns=True)
    return wide["lam"].to_numpy(), np.abs(wide.drop("lam").to_numpy().T - goal)


def bias_order(quantity: str) -> Measure:
    """The slope of the logarithm of the bias on that of λ, where λ is small."""

    def measure(results: Results) -> Estimate | None:
        lams, bias = bias_curve(results, quantity)
        small = lams <= SMALL
        return _order(lams[small], bias[:, small], results.seeds)

    return measure


def _order(
    x: Float[np.ndarray, " points"], y: Float[np.ndarray, "seeds points"], seeds: Sequence[int]
) -> Estimate | None:
    """The slope of ln y on ln x; None from fewer than two points."""
    return slope_over_seeds(np.log(x), np.log(y), seeds) if len(x) > 1 else None


# ------------------------------------------------------------------------------- Theorem 2


def chain_shares(run: Results) -> Float[np.ndarray, " rounds"]:
    """q_0, q_1, …: the share of exact chains before every round of one run, and after its last."""
    trained = run.rollouts("train").group_by("step").agg(q=EXACT.mean()).sort("step")
    last = sampled(run).select(q=EXACT.mean())
    return np.append(trained["q"].to_numpy(), last["q"].to_numpy())


def deviations(run: Results) -> Float[np.ndarray, " rounds"]:
    """|q_n - p_n|, where p_n has doubled its odds n times."""
    (p_cot,), shares = run.factor("p_cot"), chain_shares(run)
    foretold = [linear_bounds.doubled(float(p_cot), n) for n in range(len(shares))]
    return np.abs(shares - np.array(foretold))


def allowed(results: Results, seed: int, p_cot: float, rounds: int) -> Float[np.ndarray, " rounds"]:
    """(2^(n+1) - 1) ε/(1 - 4ε); NaN where no share can be so far from p_n (docs/theory.md, eq. 7).

    ε is the error of the model that STaR starts from: of the chain's probability or of the right
    short answer's, whichever is larger, mean over inputs, as q_n is.
    """
    start = results.of_seeds([seed]).select(p_cot=p_cot)
    means = likelihood_errors(start).group_by("strategy").agg(pl.col("error").mean())
    error = float(np.max(means["error"].to_numpy()))
    if 4 * error >= 1:  # (7) says nothing
        return np.full(rounds, np.nan)
    limits = (2.0 ** np.arange(1, rounds + 1) - 1) * error / (1 - 4 * error)
    foretold = np.array([linear_bounds.doubled(p_cot, n) for n in range(rounds)])
    return np.where(limits < np.maximum(foretold, 1 - foretold), limits, np.nan)


@measured_on("rounds")
def deviation(results: Results) -> Estimate:
    """Per seed, the largest of |q_n - p_n| over what is allowed, over rounds from 1 on and p_cot.

    Before the first round the model is the one whose error ε is.
    """
    values = []
    for seed in results.seeds:
        ratios = []
        for run in results.of_seeds([seed]).select(stage="rl"):
            found = deviations(run)
            limit = allowed(results, seed, float(run.factor("p_cot")[0]), len(found))
            ratios.append((found / limit)[1:])
        known = np.ma.masked_invalid(np.concatenate(ratios))
        values.append(float(known.max(fill_value=None)) if known.count() else math.nan)
    return over_seeds(values, results.seeds, bounds=(0.0, math.inf))


@measured_on("rounds")
def mean_length(results: Results) -> Estimate:
    """Per seed, the largest relative distance of mean sampled length from 1 + (d - 1) p_n."""
    values = [
        max(float(np.max(_length_gaps(run))) for run in results.of_seeds([seed]).select(stage="rl"))
        for seed in results.seeds
    ]
    return over_seeds(values, results.seeds, bounds=(0.0, math.inf))


def _length_gaps(run: Results) -> Float[np.ndarray, " rounds"]:
    lengths = run.metrics().sort("step")["sampled_length"].to_numpy()
    foretold = foretold_lengths(run, len(lengths))
    return np.abs(lengths - foretold) / foretold


def foretold_lengths(run: Results, rounds: int) -> Float[np.ndarray, " rounds"]:
    """1 + (d - 1) pₙ for so many rounds from the first model on."""
    (d,), (p_cot,) = run.factor("d"), run.factor("p_cot")
    shares = [linear_bounds.doubled(float(p_cot), n) for n in range(rounds)]
    return 1 + (int(d) - 1) * np.array(shares)


# ------------------------------------------------------------------------------------ cost


def solved(results: Results) -> pl.DataFrame:
    """Whether greedy answers after STaR are exact chains, by seed, d and budget."""
    rows = greedy(results.select(stage="rl"))
    rates = rows.group_by("seed", "d", "budget").agg(exact=EXACT.mean())
    return rates.with_columns(solved=pl.col("exact") >= SOLVED)


def cheapest(
    table: pl.DataFrame,
) -> tuple[Float[np.ndarray, " sizes"], Float[np.ndarray, "seeds sizes"]]:
    """d, and the fewest steps a fit with which STaR solves it, by seed; of what `solved` says.

    NaN where no budget that was tried does, or the smallest does and fewer might.
    """
    sizes, seeds = sorted(table["d"].unique()), sorted(table["seed"].unique())
    fewest = np.full((len(seeds), len(sizes)), np.nan)
    smallest = table["budget"].min()
    least = table.filter(pl.col("solved")).group_by("seed", "d").agg(pl.col("budget").min())
    least = least.filter(pl.col("budget") > smallest)
    for seed, d, budget in least.iter_rows():
        fewest[seeds.index(seed), sizes.index(d)] = budget
    return np.array(sizes, dtype=float), fewest


def sequences_of(
    runs: Results, steps: Float[np.ndarray, "seeds sizes"]
) -> Float[np.ndarray, "seeds sizes"]:
    """Demonstrated and drawn, by a fit of so many steps and the rounds of STaR that follow."""
    (batch,) = runs.factor("batch")
    logged = runs.metrics().drop_nulls("drawn").group_by("seed", "d", "budget")
    drawn = logged.agg(pl.col("drawn").sum()).group_by("d").agg(pl.col("drawn").mean()).sort("d")
    return steps * int(batch) + drawn["drawn"].to_numpy()


@measured_on("cost")
def cost_order(results: Results) -> Estimate | None:
    """The slope of the logarithm of the cheapest budget on that of d.

    A d that no budget solves counts with twice the largest, the least that it can take.
    """
    table = solved(results)
    sizes, fewest = cheapest(table)
    largest = table["budget"].max()
    assert isinstance(largest, int)
    unsolved = table.group_by("seed", "d").agg(~pl.col("solved").any()).sort("seed", "d")
    never = unsolved["solved"].to_numpy().reshape(fewest.shape)
    return _order(sizes, np.where(never, 2 * largest, fewest), results.select(stage="rl").seeds)


@measured_on("cost")
def exact_at_largest_budget(results: Results) -> Estimate | None:
    """Per seed, exact chains among greedy answers after STaR at most steps a fit, fewest over d."""
    largest = max(results.factor("budget"))
    return extreme_of(greedy(results.select(stage="rl", budget=largest)), EXACT, "d", largest=False)


def exact_after(rarity: str) -> Measure:
    """Per seed, exact chains among greedy answers after STaR, fewest over d."""

    @measured_on("exponential", rarity=rarity)
    def measure(results: Results) -> Estimate:
        return extreme_of(greedy(results.select(stage="rl")), EXACT, "d", largest=False)

    return measure


@measured_on("exponential", rarity="2⁻ᵈ")
def still_doubled(results: Results) -> Estimate:
    """Per seed, exact chains of the last round over what doubled odds foretell, at the largest d.

    Of what STaR drew, which is many more than are asked afterwards.
    """
    runs = results.select(stage="rl", d=max(results.factor("d")))
    drawn = runs.rollouts("train", steps=(-1,))
    counts = drawn.group_by("seed").agg(pl.len(), EXACT.sum().alias("exact")).sort("seed")
    (p_cot,), rounds = runs.factor("p_cot"), drawn["step"][0]
    share = proportion_over_seeds(
        counts["exact"], counts["len"], counts["seed"].to_list(), drawn["problem_id"].n_unique()
    )
    return _over(share, linear_bounds.doubled(float(p_cot), rounds - 1))


def _over(estimate: Estimate, unit: float) -> Estimate:
    """The estimate in another unit."""
    assert estimate.interval is not None
    low, high = estimate.interval
    return replace(estimate, value=estimate.value / unit, interval=(low / unit, high / unit))


LEARNED = math.log(2) / 4
"""Loss a token of an answer half of whose uncertainty is gone: ln 2 on one of its two tokens."""
_SMOOTHED = 20  # steps


def direct_sequences(
    results: Results,
) -> tuple[Float[np.ndarray, " sizes"], Float[np.ndarray, "seeds sizes"]]:
    """d, and the sequences until a transformer has learned to answer at once; NaN if it has not."""
    logged = results.select(stage="direct").metrics().drop_nulls("loss").sort("step")
    smooth = pl.col("loss").rolling_mean(_SMOOTHED).over("seed", "d")
    learned = logged.with_columns(smooth=smooth).filter(pl.col("smooth") < LEARNED)
    first = learned.group_by("seed", "d").agg(pl.col("sequences").min())
    sizes = sorted(logged["d"].unique())
    found = np.full((len(results.seeds), len(sizes)), np.nan)
    for seed, d, sequences in first.iter_rows():
        found[results.seeds.index(seed), sizes.index(d)] = sequences
    return np.array(sizes, dtype=float), found


def direct_budget(results: Results) -> int:
    """The sequences that the transformer is shown at most."""
    most = results.select(stage="direct").metrics()["sequences"].max()
    assert isinstance(most, int)
    return most


@measured_on("direct")
def direct_accuracy(results: Results) -> Estimate:
    """Accuracy of short answers at the largest d, on inputs of the training split."""
    answers = results.select(stage="answers", d=max(results.factor("d")))
    return extreme_of(greedy(answers), pl.col("grade") == "correct", "d", largest=True)
