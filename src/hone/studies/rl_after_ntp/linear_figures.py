"""The statements of the theory drawn beside what linear models do."""

from collections.abc import Callable

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.report.plots import Curve, curves, log_odds
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.courses import course
from hone.studies.rl_after_ntp import linear_bounds, linear_statistics, parity_figures
from hone.studies.rl_after_ntp.linear_bounds import QUANTITIES
from hone.studies.rl_after_ntp.linear_statistics import bound_on, error_curve, sgd_of
from hone.studies.rl_after_ntp.mixture_statistics import greedy
from hone.studies.rl_after_ntp.parity_rounds import flips
from hone.studies.rl_after_ntp.parity_statistics import EXACT
from hone.studies.study import Figure

_NAMES = {
    "first": "first token",
    "match": "end, y₁ = x₁",
    "mismatch": "end, y₁ = -x₁",
    "token": "chain's token",
}


_NEVER = "… not learned by then"
_SHOWN_BOUND = 40  # the largest d at which 2^d is drawn; beyond, it would flatten all else


def likelihoods(results: Results) -> Drawing | None:
    """Probability of the chain and of the right short answer against p_cot."""
    sweep = results.select(experiment="threshold", stage="likelihood")
    if not len(sweep):
        return None
    shares = np.array(sweep.factor("p_cot"), dtype=float)
    table = sweep.rollouts("likelihood").with_columns(p=pl.col("logprob").exp())
    series, theory = {}, {}
    names = {"long": ("the chain", shares), "short": ("right short answer", (1 - shares) / 2)}
    for strategy, (name, foretold) in names.items():
        rows = table.filter(pl.col("strategy") == strategy)
        series[name] = Curve(shares, _by_seed(rows, "p_cot", pl.col("p").mean()))
        theory[name] = Curve(shares, foretold[None])
    return curves(
        series, "share of demonstrations with a chain", "probability, mean over inputs",
        theory=theory, y_limits=(0, 0.6),
    )  # fmt: skip


def errors_over_d(results: Results) -> Drawing | None:
    """The largest error over inputs of both probabilities, as d grows."""
    runs = results.select(experiment="dimensions", stage="likelihood")
    if not len(runs):
        return None
    sizes = np.array(runs.factor("d"), dtype=float)
    table, series = linear_statistics.likelihood_errors(runs), {}
    for strategy, name in (("long", "the chain"), ("short", "right short answer")):
        for p_cot in runs.factor("p_cot"):
            rows = table.filter((pl.col("strategy") == strategy) & (pl.col("p_cot") == p_cot))
            worst = _by_seed(rows, "d", pl.col("error").max())
            series[f"{name}, p = {p_cot:g}"] = Curve(sizes, worst)
    return curves(series, "d", "largest error over inputs", y_limits=(0, 0.1))


def greedy_over_d(results: Results) -> Drawing | None:
    """Greedy answers that are as Theorem 1 has them on either side of 1/3, as d grows."""
    runs = results.select(experiment="dimensions", stage="pretrain")
    if not len(runs):
        return None
    sizes, rows = np.array(runs.factor("d"), dtype=float), greedy(runs)
    forms = {
        "p = 0.2: one token": (0.2, pl.col("strategy") == "short"),
        "p = 0.42: the right chain": (0.42, EXACT),
    }
    series = {
        name: Curve(sizes, _by_seed(rows.filter(pl.col("p_cot") == p_cot), "d", form.mean()))
        for name, (p_cot, form) in forms.items()
    }
    return curves(series, "d", "share of greedy answers", y_limits=(0.9, 1.0))


def _by_seed(table: pl.DataFrame, by: str, value: pl.Expr) -> np.ndarray:
    """A row a seed, a column for each value of `by` in order."""
    found = table.group_by("seed", by).agg(value.alias("value"))
    wide = found.pivot("seed", index=by, values="value", sort_columns=True).sort(by)
    return wide.drop(by).to_numpy().T


def errors_over_steps(quantity: str) -> Callable[[Results], Drawing | None]:
    """The error of one probability and its bound as T grows, for every setting."""

    def draw(results: Results) -> Drawing | None:
        runs = results.where(lambda each: each["experiment"] in ("rates", "minibatches"))
        series, theory = {}, {}
        for arm in runs.arms:
            part = runs.select(arm=arm)
            steps, found = error_curve(part, quantity)
            bounds = [bound_on(part, quantity, each) for each in steps]
            name = _setting(part, quantity)
            series[name] = Curve(steps, found)
            theory[name] = Curve(steps, np.array([bounds]))
        if not series:
            return None
        return curves(
            series, "SGD steps T", "largest error over inputs, and bound",
            log_x=True, log_y=True, levels={"1: says nothing": 1.0}, theory=theory,
        )  # fmt: skip

    return draw


def _setting(part: Results, quantity: str) -> str:
    (d,), sgd = part.factor("d"), sgd_of(part)
    lam = sgd.chain if quantity == "token" else sgd.stop
    return f"d = {d}, λ = {lam:g}, {sgd.batch} a step"


def biases(results: Results) -> Drawing | None:
    """What regularisation takes from each probability, and its bound, against λ."""
    runs = results.select(experiment="biases")
    if not len(runs):
        return None
    (p_cot,) = runs.factor("p_cot")
    series, theory = {}, {}
    for quantity in QUANTITIES:
        lams, bias = linear_statistics.bias_curve(runs, quantity)
        bounds = [
            linear_bounds.bias(quantity, float(p_cot), sgd_of(runs.select(lam=float(lam))))
            for lam in lams
        ]
        series[_NAMES[quantity]] = Curve(lams, bias)
        theory[_NAMES[quantity]] = Curve(lams, np.array([bounds]))
    return curves(series, "λ", "bias, and bound", log_x=True, log_y=True, theory=theory)


def deviations(results: Results) -> Drawing | None:
    """Distance of the share of chains from the doubled odds over rounds, and what is allowed."""
    whole = results.select(experiment="rounds")
    runs, series, theory = whole.select(stage="rl"), {}, {}
    if not len(runs):
        return None
    for p_cot in runs.factor("p_cot"):
        part = runs.select(p_cot=p_cot)
        found = np.array([linear_statistics.deviations(run) for run in part])
        limits = [
            linear_statistics.allowed(whole, run.seeds[0], float(p_cot), found.shape[1])
            for run in part
        ]
        rounds = np.arange(found.shape[1], dtype=float)
        series[f"p = {p_cot:g}"] = Curve(rounds, np.maximum(found, 1e-5))
        theory[f"p = {p_cot:g}"] = Curve(rounds, np.array(limits))
    return curves(series, "STaR round n", "|share - pₙ|, and what is allowed", log_y=True,
                  theory=theory)  # fmt: skip


def lengths(results: Results) -> Drawing | None:
    """Mean sampled length over rounds of STaR, and 1 + (d - 1) pₙ."""
    runs, series, theory = results.select(experiment="rounds", stage="rl"), {}, {}
    for p_cot in runs.factor("p_cot") if len(runs) else ():
        part, name = runs.select(p_cot=p_cot), f"p = {p_cot:g}"
        series[name] = found = course(part, "sampled_length")
        foretold = linear_statistics.foretold_lengths(part, len(found.x))
        theory[name] = Curve(found.x, foretold[None])
    if not series:
        return None
    return curves(series, "STaR round n", "mean sampled length (tokens)", theory=theory)


def rounds_to_flip(results: Results) -> Drawing | None:
    """The round after which the chain is the greedy answer against log2((1 - p)/p)."""
    runs = results.select(experiment="rounds", stage="rl")
    if len(runs.factor("p_cot")) < 2:
        return None
    x, _ = flips(runs.of_seeds(runs.seeds[:1]))
    order = np.argsort(x)
    found = np.array([flips(runs.of_seeds([seed]))[1][order] for seed in runs.seeds])
    name, every = "first round that flips", np.linspace(0.0, float(x.max()) + 0.5, 1001)
    return curves(
        {name: Curve(x[order], found)}, "log₂((1 - p)/p)", "STaR rounds",
        theory={name: Curve(every, np.floor(every + 1e-9)[None])}, points=(name,),
    )  # fmt: skip


def cost(results: Results) -> Drawing | None:
    """Sequences to the right greedy answer against d: by chains and STaR, and at once."""
    runs, at_once = results.select(experiment="cost", stage="rl"), results.select(stage="direct")
    if not len(runs):
        return None
    sizes, fewest = linear_statistics.cheapest(linear_statistics.solved(runs))
    taken = linear_statistics.sequences_of(runs, fewest)
    return _cost(Curve(sizes, taken), at_once, 1, "sequences; queries")


def cost_in_steps(results: Results) -> Drawing | None:
    """SGD steps to the right greedy answer against d: by chains and STaR, and at once."""
    runs, at_once = results.select(experiment="cost", stage="rl"), results.select(stage="direct")
    if not len(runs):
        return None
    sizes, fewest = linear_statistics.cheapest(linear_statistics.solved(runs))
    fits = 1 + max(runs.metrics()["step"])  # before STaR, and in each of its rounds
    batch = part_of_config(at_once.stages[0].folder, "batch") if len(at_once) else 1
    return _cost(Curve(sizes, fits * fewest), at_once, batch, "SGD steps; queries")


def _cost(chains: Curve, at_once: Results, sequences: int, unit: str) -> Drawing:
    """Against that of a transformer, in units of so many sequences, and the known bound."""
    series, known = {"chains, then STaR": chains}, {}
    if len(at_once):
        sizes, found = linear_statistics.direct_sequences(at_once)
        budget = linear_statistics.direct_budget(at_once)
        series["transformer, at once"] = Curve(sizes, found / sequences)
        never = np.where(np.isnan(found), budget / sequences, np.nan)
        series[_NEVER] = Curve(sizes, never)
        every = np.arange(4.0, _SHOWN_BOUND + 1)
        known["2ᵈ queries: lower bound"] = Curve(every, 2.0 ** every[None])
    return curves(
        series, "d", unit, log_x=True, log_y=True, unmeasured=known, points=(_NEVER,)
    )  # fmt: skip


def exponential(results: Results) -> Drawing | None:
    """The share of chains over rounds of STaR from ever so rare ones."""
    runs = results.select(experiment="exponential", stage="rl")
    if not len(runs):
        return None
    series = {}
    for arm in runs.arms:
        shares = np.array([linear_statistics.chain_shares(run) for run in runs.select(arm=arm)])
        series[arm] = Curve(np.arange(shares.shape[1], dtype=float), shares)
    return log_odds(series, x_label="STaR round", y_label="share of exact chains (log-odds scale)",
                    levels={"1/3: greedy flips": 1 / 3})  # fmt: skip


def _rates_figure(quantity: str, title: str) -> Figure:
    return Figure(
        f"rate_{quantity}",
        title,
        "Distance of the probability from the regularised optimum, the largest over inputs, mean "
        "over replicas; dotted, the bound that holds with probability 0.9. Above 1 a bound says "
        "nothing.",
        "Curves of the largest error over steps on logarithmic axes, one for each setting, each "
        "with a dotted bound above it.",
        errors_over_steps(quantity),
    )


FIGURES: tuple[Figure, ...] = (
    Figure(
        "accuracy_against_p_cot",
        "Theorem 1(iii): the threshold at 1/3",
        "Accuracy of linear models against the share of long demonstrations, greedy and at "
        "temperature 1; the dotted line is (1 + p)/2.",
        "Greedy and sampled accuracy over the share of long demonstrations, with one third marked.",
        parity_figures.accuracy_against_p_cot,
    ),
    Figure(
        "likelihoods",
        "Theorem 1(i) and (ii): calibration",
        "Exact probability of the whole right chain and of the right short answer, mean over "
        "inputs; dotted, p and (1 - p)/2.",
        "Two curves over the share of long demonstrations, each on its dotted line.",
        likelihoods,
    ),
    Figure(
        "errors_over_d",
        "Theorem 1 as d grows",
        "The largest distance over inputs of both probabilities from p and (1 - p)/2, on either "
        "side of 1/3, at the same steps and the same λ.",
        "Curves of the largest error over d.",
        errors_over_d,
    ),
    Figure(
        "greedy_over_d",
        "Theorem 1(iii) as d grows",
        "Share of greedy answers that are one token below 1/3, and that are the right chain above "
        "it, at the same steps and the same λ.",
        "Two curves of the share of greedy answers over d, one on either side of one third.",
        greedy_over_d,
    ),
    _rates_figure("first", "Proposition 1: the first token"),
    _rates_figure("match", "Proposition 2: the end after y₁ = x₁"),
    _rates_figure("mismatch", "Proposition 2: the end after y₁ = -x₁"),
    _rates_figure("token", "Proposition 3: a token of the chain"),
    Figure(
        "biases",
        "What regularisation takes away",
        "Distance of the mean probability after many steps from the truth, against λ; dotted, the "
        "bounds with their correction.",
        "Four curves over the regularisation on logarithmic axes, each below its dotted bound.",
        biases,
    ),
    Figure(
        "odds_over_rounds",
        "Theorem 2: odds double",
        "Share of chains at temperature 1 after every round of STaR; the dotted lines double the "
        "odds each round.",
        "Points of the share of chains on a log-odds axis over rounds, one line for each starting "
        "share, each with a dotted line that doubles the odds.",
        parity_figures.odds_over_rounds,
    ),
    Figure(
        "deviations",
        "Theorem 2: how far from doubling",
        "Distance of the share of exact chains after n rounds from 2ⁿp/(2ⁿp + 1 - p); dotted, "
        "(2ⁿ⁺¹ - 1)ε/(1 - 4ε), with ε the mean error over inputs of the model that STaR starts "
        "from, as far as it excludes anything.",
        "Curves over rounds on a logarithmic axis, one for each starting share, each beside its "
        "dotted limit.",
        deviations,
    ),
    Figure(
        "rounds_to_flip",
        "Theorem 2: rounds until the chain is the greedy answer",
        "The first round whose greedy accuracy reaches 0.75, for every starting share; dotted, "
        "⌊log₂((1 - p)/p)⌋.",
        "Points of rounds over the logarithm of the odds against a chain, on a dotted staircase.",
        rounds_to_flip,
    ),
    Figure(
        "lengths",
        "Theorem 2: length grows with the share of chains",
        "Mean length of answers at temperature 1 after every round of STaR; dotted, 1 + (d - 1)pₙ.",
        "Curves of the mean length over rounds, one for each starting share, each beside its "
        "dotted line.",
        lengths,
    ),
    Figure(
        "cost",
        "What it costs as d grows",
        "Sequences, demonstrated and drawn, with which greedy answers are exact chains in 95 % of "
        "problems, from p = 1/4 with three rounds of STaR; sequences after which a transformer on "
        "short answers alone has lost half of its uncertainty, or, as points, all that it was "
        "shown if it has not. Dotted, 2ᵈ, the order of the statistical queries that learning "
        "parities without steps takes: a bound, not a measurement.",
        "Curves of sequences over d on logarithmic axes, with a dotted bound.",
        cost,
    ),
    Figure(
        "cost_in_steps",
        "What it costs in steps",
        "The same in steps of SGD: of the fit before STaR and of those of its three rounds; the "
        "transformer's steps are of 128 sequences.",
        "Curves of SGD steps over d on logarithmic axes, with a dotted bound.",
        cost_in_steps,
    ),
    Figure(
        "exponential",
        "Chains that are exponentially rare",
        "Share of exact chains over rounds of STaR from chains as rare as powers of 1/d, and as "
        "2⁻ᵈ, at two d; the budget of a round grows as d for d⁻¹, else as d². Dotted lines double "
        "the odds. A share of 0 has no place on the axis: an arm that never wrote a chain has no "
        "line.",
        "Curves of the share of chains over rounds, one for each arm that ever wrote a chain.",
        exponential,
    ),
)
