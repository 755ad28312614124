"""What the study shows: the collapse, what it costs, what holds it back, and which format wins."""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate, pass_at_k_curve, without_interval
from hone.measures.accuracy import CORRECT
from hone.report.plots import Curve, bars, curves
from hone.report.scatters import Panel, panels
from hone.report.stacks import stacked
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import SLOW
from hone.studies.echo_chamber.measured.comparisons import mean, mean_after
from hone.studies.echo_chamber.measured.formats import (
    NAMES,
    entropy,
    formats_of,
    passed,
    right,
    samples,
    shares,
)
from hone.studies.echo_chamber.measured.gain import parts_by_arm
from hone.studies.echo_chamber.measured.likelihood import base_logprobs
from hone.studies.echo_chamber.measured.optimum import late_shares, optimum_of, share_in
from hone.studies.echo_chamber.measured.selection import (
    CROSSOVER,
    FREE,
    each_run,
    models_of,
    of_models,
    responses,
)
from hone.studies.echo_chamber.measured.winners import PREDICTORS, fitted, odds_and_wins
from hone.studies.echo_chamber.mixtures import named, towards_unfavourable
from hone.studies.study import Figure

_SHARES = (0.0, 1.0)


def collapse(results: Results) -> Drawing | None:
    """Shares of formats and accuracy over rounds, balanced mixture, no penalty (Fig. 2)."""
    return _collapse(results.select(**FREE))


def restrained(results: Results) -> Drawing | None:
    """The same under the largest KL coefficient (Fig. 3)."""
    runs = results.select(experiment="collapse")
    penalties = runs.factor("kl")
    return _collapse(runs.select(kl=penalties[-1])) if len(penalties) > 1 else None


def unfavourable(results: Results) -> Drawing | None:
    """The same where a worse format is most of what was read (Fig. 4b)."""
    return _collapse(results.select(**CROSSOVER, unfavourable=1.0))


def crossover(results: Results) -> Drawing | None:
    """The same where tagged code is the most frequent format, and programs are more accurate."""
    return _collapse(results.select(**CROSSOVER, unfavourable=0.0))


def pass_at_k(results: Results) -> Drawing | None:
    """pass@k before and after RL, by KL coefficient."""
    runs = results.select(experiment="collapse")
    if not len(runs.select(stage="after")):
        return None
    series = {"before": _pass_at_k(runs, "before")}
    for kl in runs.factor("kl"):
        series[f"after, β = {kl:g}"] = _pass_at_k(runs.select(kl=kl), "after")
    return curves(series, "k", "pass@k", log_x=True, y_limits=_SHARES)


def kl_sweep(results: Results) -> Drawing | None:
    """What a KL penalty keeps and costs."""
    runs = results.select(experiment="collapse", stage="after")
    penalties = runs.factor("kl")
    if len(penalties) < 2:
        return None
    runs = results.select(experiment="collapse")
    models, k = models_of(runs), samples(responses(runs, "after"))

    def swept(value: Callable[[Results], float]) -> Curve:
        rows = [[value(runs.select(base=model, kl=kl)) for kl in penalties] for model in models]
        return Curve(np.arange(len(penalties), dtype=np.float64), np.array(rows))

    series = {
        "entropy of the format (nats)": swept(lambda own: mean(
            lambda run: entropy(responses(run, "after")), own)),
        f"pass@{k}": swept(lambda own: mean_after(own, passed)),
        "accuracy of samples": swept(lambda own: mean_after(own, right)),
    }  # fmt: skip
    names = ", ".join(f"{kl:g}" for kl in penalties)
    return curves(series, f"rank of the KL coefficient ({names})", "after RL", y_limits=_SHARES)


def which_wins(results: Results) -> Drawing | None:
    """The share of programs after RL against their odds before, a point a run, by predictor."""
    runs = results.select(**CROSSOVER)
    parts = runs.select(stage="after").factor("unfavourable")
    if not parts:
        return None

    def points(part: Factor, by: str) -> list[tuple[Estimate, Estimate]]:
        own = runs.select(unfavourable=part)
        odds, _ = odds_and_wins(own, by)
        return [
            _point(each, shares(responses(run, "after")).get("program", 0.0))
            for each, run in zip(odds, each_run(own), strict=True)
        ]

    return panels([
        Panel({named(towards_unfavourable(float(part))): points(part, by) for part in parts},
              f"log ratio of {by}", "programs after RL", lines=_chances(runs, by))
        for by in PREDICTORS
    ])  # fmt: skip


def _chances(runs: Results, by: str) -> dict[str, tuple[list[float], list[float]]]:
    """The chance that programs win over the log ratio: as predicted, and as fitted to runs."""
    odds, _ = odds_and_wins(runs, by)
    low, high = min(0.0, *odds), max(0.0, *odds)
    lines = {"the more of it wins": ([low, 0.0, 0.0, high], [0.0, 0.0, 1.0, 1.0])}
    found = fitted(runs, by) if len(models_of(runs)) > 1 else None
    if found:
        x = np.linspace(low, high, 100)
        chance = 1 / (1 + np.exp(-found[0] - found[1] * x))
        lines["logistic fit"] = (x.tolist(), chance.tolist())
    return lines


def optimum(results: Results) -> Drawing | None:
    """Shares late in long runs under a penalty against those of the optimum, a point a run."""
    runs = results.select(experiment="optimum", rate=SLOW)
    penalties = runs.select(stage="after").factor("kl")
    if not penalties:
        return None

    def points(kl: Factor, name: str) -> list[tuple[Estimate, Estimate]]:
        predicted, late = share_in(optimum_of, name), share_in(late_shares, name)
        return [_point(predicted(run), late(run)) for run in each_run(runs.select(kl=kl))]

    return panels([
        Panel({f"β = {kl:g}": points(kl, name) for kl in penalties},
              f"{name} under the optimum", f"{name} late in RL", equal=True)
        for name in NAMES
    ])  # fmt: skip


def _point(x: float, y: float) -> tuple[Estimate, Estimate]:
    """Two numbers of one run."""
    counted = partial(without_interval, method="as counted")
    return counted(x), counted(y)


def parts_of_the_gain(results: Results) -> Drawing | None:
    """How much of the gain is choosing a format, how much is working better within it."""
    groups = parts_by_arm(results)
    return bars(groups, "change of accuracy", levels={"none": 0.0}) if groups else None


def likelihood(results: Results) -> Drawing | None:
    """How likely the pretrained model finds what is sampled, in RL's first round and its last."""
    runs = results.select(stage="drift", **FREE)
    if not len(runs):
        return None
    series = {}
    for when, last in (("first round", False), ("last round", True)):
        rows = [_histogram(run, last) for run in each_run(results.select(**FREE))]
        series[when] = Curve((_BINS[:-1] + _BINS[1:]) / 2, np.array(rows))
    return curves(series, "nats a token under the pretrained model", "share of responses")


_BINS = np.linspace(-1.5, 0.0, 31)


def _histogram(run: Results, last: bool) -> np.ndarray:
    found = base_logprobs(run, last)
    return np.histogram(found.clip(_BINS[0], 0), bins=_BINS)[0] / len(found)


def _pass_at_k(runs: Results, when: str) -> Curve:
    """Of each model, the mean over its runs."""
    ks = [2**power for power in range(samples(responses(runs, when)).bit_length())]

    def of_run(run: Results) -> list[float]:
        return [each.value for each in pass_at_k_curve(responses(run, when), ks).values()]

    rows = [np.mean([of_run(run) for run in each_run(runs.select(base=model))], axis=0)
            for model in models_of(runs)]  # fmt: skip
    return Curve(np.array(ks, dtype=np.float64), np.array(rows))


def _collapse(runs: Results) -> Drawing | None:
    """Of all runs together, by the mean over them."""
    drawn = runs.select(stage="rl")
    if not len(drawn):
        return None
    table = of_models(drawn.rollouts())
    sampled = table.filter(pl.col("temperature") > 0)
    looks = sorted(sampled["step"].unique())
    rounds = [sampled.filter(pl.col("step") == look)["strategy"] for look in looks]
    shares = {
        name: np.array([np.mean(strategies.to_numpy() == name) for strategies in rounds])
        for name in formats_of(sampled)
    }
    above = {
        label: accuracy_at(rows, looks)
        for label, rows in (("greedy", table.filter(pl.col("temperature") == 0)),
                            ("sampled", sampled))
    }  # fmt: skip
    return stacked(np.array(looks, dtype=np.float64), shares, above, "RL round",
                   "share of responses", "accuracy")  # fmt: skip


def accuracy_at(table: pl.DataFrame, looks: list[int]) -> Curve:
    """The share of right responses at every look, by model."""
    found = table.group_by("seed", "step").agg(right=CORRECT.mean())
    wide = found.sort("seed", "step").pivot(on="step", index="seed", values="right")
    return Curve(np.array(looks, dtype=np.float64),
                 wide.select(str(look) for look in looks).to_numpy().astype(float))  # fmt: skip


_STACKED = (
    "Mean share of responses in each format, at temperature 1, over the rounds of RL, and above it "
    "accuracy by pretrained model, with the range of models as a band; on fewer problems, and "
    "fewer samples of each, than in tables"
)
FIGURES: tuple[Figure, ...] = (
    Figure(
        "collapse",
        "Collapse onto one format",
        f"{_STACKED}; balanced mixture, no KL penalty.",
        "Stacked shares of three formats over rounds, with curves of accuracy.",
        collapse,
    ),
    Figure(
        "restrained",
        "The same under a KL penalty",
        f"{_STACKED}; balanced mixture, the largest KL coefficient.",
        "Stacked shares of three formats over rounds, with curves of accuracy.",
        restrained,
    ),
    Figure(
        "unfavourable",
        "Where tagged code is nearly all that was read",
        f"{_STACKED}; no penalty, tagged code is most of what was read.",
        "Stacked shares of three formats over rounds, with curves of accuracy.",
        unfavourable,
    ),
    Figure(
        "crossover",
        "Where tagged code is more frequent, and programs are more accurate",
        f"{_STACKED}; no penalty, more than twice as much tagged code as programs.",
        "Stacked shares of three formats over rounds, with curves of accuracy.",
        crossover,
    ),
    Figure(
        "pass_at_k",
        "pass@k before and after RL",
        "Chance that one of k samples at temperature 1 is right, before RL and after it, by KL "
        "coefficient; balanced mixture; a thin line a pretrained model.",
        "Curves of pass@k over k, before and after RL.",
        pass_at_k,
    ),
    Figure(
        "kl_sweep",
        "What a KL penalty keeps, and what it costs",
        "Entropy of the format, pass@k for the largest k and accuracy after RL, by KL coefficient; "
        "balanced mixture; a thin line a pretrained model.",
        "Curves of three measures over the rank of the KL coefficient.",
        kl_sweep,
    ),
    Figure(
        "which_wins",
        "Which format wins",
        "The share of programs after RL, against the log of what they have before it over what "
        "tagged code has: of share, of accuracy, and of share times accuracy, which is what the "
        "KL-regularised optimum comes to for a small penalty. A point is a run; some "
        "lie on others; by what was read, from the crossover mixture to one with little else than "
        "tagged code. Lines: the chance that programs win, fitted to the runs of several models; "
        "and the rule that what has more wins.",
        "Three panels of points: shares of programs after RL against log ratios before it.",
        which_wins,
    ),
    Figure(
        "optimum",
        "The KL-regularised optimum",
        "Shares of formats late in long runs of RLOO with the KL in the reward at a tenth of the "
        "learning rate, on problems of training, against those of the policy that maximises reward "
        "minus β KL, told from responses before RL to problems of evaluation. A point is a run; "
        "dashed, where both are equal.",
        "Three panels of points: measured against predicted shares, with a line of equality.",
        optimum,
    ),
    Figure(
        "parts_of_the_gain",
        "What the gain is made of",
        "The change of accuracy by RL in two parts: choosing other formats, for all problems or by "
        "problem, at the accuracies that these have before RL when forced; and working better "
        "within those that are left, with the shares after RL.",
        "Parts of the change of accuracy with intervals, for each arm.",
        parts_of_the_gain,
    ),
    Figure(
        "likelihood",
        "How likely samples were before RL",
        "Responses of RL's first and last round by their mean log-probability a token under the "
        "pretrained model; balanced mixture, no KL penalty; a thin line a run.",
        "Two histograms of log-probabilities under the pretrained model.",
        likelihood,
    ),
)
