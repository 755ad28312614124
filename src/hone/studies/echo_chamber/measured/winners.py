"""Which format wins, and what tells it before RL: its share, its accuracy, or their product."""

import math

import numpy as np
import polars as pl

from hone.measures import Estimate, logistic_fit, over_seeds
from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.comparisons import share_of_models
from hone.studies.echo_chamber.measured.endings import wins
from hone.studies.echo_chamber.measured.selection import CROSSOVER, each_run, models_of, responses
from hone.studies.study import Measure

PREDICTORS = ("share", "accuracy", "share × accuracy")


def odds_of_programs(table: pl.DataFrame, by: str) -> float:
    """Log of what programs have of a predictor, over what tagged code has.

    Share × accuracy is what the KL-regularised optimum comes to where β is small (arXiv 2504.07912
    §3.6); accuracy alone is what policy gradients without a penalty follow if a format's accuracy
    stays as it is, since each format then grows at the rate of its advantage.
    """
    return math.log(_worth(table, "program", by) / _worth(table, "tagged", by))


def _worth(table: pl.DataFrame, format: str, by: str) -> float:
    """A format's share, its accuracy or their product, up to what all formats have in common."""
    written = table.filter(strategy=format)
    count, right = written.height + 0.5, written.filter(CORRECT).height + 0.5
    return {"share": count, "accuracy": right / count, "share × accuracy": right}[by]


def odds_and_wins(runs: Results, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Of every run: log-odds of programs against tagged code before RL, and whether they win."""
    each = each_run(runs)
    odds = [odds_of_programs(responses(run, "before"), by) for run in each]
    return np.array(odds), np.array([wins(run) == "program" for run in each])


def told(by: str) -> Measure:
    """The share of models of which a predictor tells most winners, where predictors disagree.

    Of mixtures in which the more frequent format is the less accurate one, each counted once. A
    model without such a mixture says nothing; None if all are such.
    """

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**CROSSOVER)
        each = {model: _told_where_at_odds(runs.select(base=model), by)
                for model in models_of(runs.select(stage="rl"))}  # fmt: skip
        asked = {model: right for model, right in each.items() if not math.isnan(right)}
        return share_of_models([right > 0.5 for right in asked.values()], asked) if asked else None

    return measure


def _told_where_at_odds(runs: Results, by: str) -> float:
    """The share of mixtures where share and accuracy disagree whose winner the predictor tells."""
    found = []
    for part in runs.select(stage="rl").factor("unfavourable"):
        own = runs.select(unfavourable=part)
        each = each_run(own)
        before = responses(each[0], "before")  # the same for every run from one model
        odds = {name: odds_of_programs(before, name) for name in PREDICTORS}
        if odds["share"] * odds["accuracy"] < 0:
            found.append(np.mean([(odds[by] > 0) == (wins(run) == "program") for run in each]))
    return float(np.mean(found)) if found else math.nan


def bracket(runs: Results, by: str) -> tuple[float, float]:
    """The highest log-odds at which programs lost, and the lowest at which they won.

    In this order where the predictor separates the two; NaN where one side never wins.
    """
    odds, won = odds_and_wins(runs, by)
    if won.all() or not won.any():
        return math.nan, math.nan
    return float(odds[~won].max()), float(odds[won].min())


def fitted(runs: Results, by: str) -> tuple[float, float] | None:
    """Intercept and slope of the logit of programs' chance to win, over their log-odds before RL.

    None if one side always wins, or all odds are alike.
    """
    odds, won = odds_and_wins(runs, by)
    return None if won.all() or not won.any() or np.ptp(odds) == 0 else logistic_fit(odds, won)


def even_odds(runs: Results, by: str) -> float:
    """The log-odds before RL from which programs win as often as not; NaN where none are fitted."""
    found = fitted(runs, by)
    return -found[0] / found[1] if found else math.nan


def even(by: str) -> Measure:
    """`threshold` of the runs from all mixtures."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(**CROSSOVER)
        return threshold(runs, by) if len(models_of(runs.select(stage="rl"))) > 1 else None

    return measure


def threshold(runs: Results, by: str) -> Estimate:
    """`even_odds` over all runs, with the jackknife over pretrained models."""
    models = models_of(runs)
    whole, n = even_odds(runs, by), len(models)
    without = [even_odds(runs.where(lambda factors, out=model: factors.get("base") != out), by)
               for model in models]  # fmt: skip
    return over_seeds([n * whole - (n - 1) * part for part in without], models)
