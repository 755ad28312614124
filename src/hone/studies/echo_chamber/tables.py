"""What the study counts: formats before and after RL by arm, and the optimum under a penalty."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER
from hone.report.tables import Cell, Rows
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.measured.comparisons import change_of, mean, mean_credit
from hone.studies.echo_chamber.measured.course import (
    course,
    reward_at_the_end,
)
from hone.studies.echo_chamber.measured.endings import right_in, wins
from hone.studies.echo_chamber.measured.formats import (
    NAMES,
    agreed,
    of_format,
    passed,
    place,
    right,
    samples,
    shares,
)
from hone.studies.echo_chamber.measured.gain import parts_by_arm
from hone.studies.echo_chamber.measured.optimum import (
    STILL_MOVING,
    distance,
    late_shares,
    mixed_optimum_of,
    optimum_of,
    still_moving,
    worth_after,
    worth_before,
    worth_in_formats,
    worth_of_mixed,
    worth_of_optimum,
)
from hone.studies.echo_chamber.measured.selection import (
    CROSSOVER,
    FREE,
    ONE_CORPUS,
    STYLES,
    each_run,
    problems_of,
    responses,
)
from hone.studies.echo_chamber.measured.winners import PREDICTORS, bracket, threshold, told
from hone.studies.study import Table

ASIDE = 4  # problems shown
LOSS = "loss_"  # of one format's documents, among a pretraining's metrics
NOW_AND_THEN = 0.01  # share of a format up to which it is no column


def arms(results: Results) -> Rows | None:
    """Accuracy, pass@k, majority@k and formats before and after RL, by arm."""
    rows: dict[str, dict[str, Cell]] = {}
    names = _formats_anywhere(results)
    for arm in results.select(stage="after").arms:
        own = results.select(arm=arm)
        k = samples(responses(own, "after"))
        credits = {"samples": right, f"pass@{k}": passed, f"majority@{k}": agreed}
        credits |= {name: of_format(name) for name in names}
        for when in ("before", "after"):
            rows[f"{arm}, {when}"] = {
                "greedy": mean_credit(own, f"{GREEDY} {when}", right),
                **{name: mean_credit(own, when, credit) for name, credit in credits.items()},
            }
        rows[f"{arm}, after"]["collapsed by"] = mean(lambda run: course(run).collapsed_by, own)
        rows[f"{arm}, after"]["moved at the end"] = mean(still_moving, own)
        rows[f"{arm}, after"]["reward in training"] = mean(reward_at_the_end, own)
        rows[f"{arm}, after"]["runs that end in"] = ends(own)
    return rows or None


def losses(results: Results) -> Rows | None:
    """What each format's documents still cost a model when pretraining ends."""
    rows: dict[str, dict[str, Cell]] = {}
    for arm in results.select(stage="pretrain").arms:
        logged = results.select(stage="pretrain", arm=arm).metrics()
        last = logged.filter(pl.col("step") == pl.col("step").max())
        rows[arm] = {
            name.removeprefix(LOSS): float(np.nanmean(last[name].to_numpy().astype(float)))
            for name in sorted(last.columns)
            if name.startswith(LOSS) and last[name].is_not_null().any()
        }
    return rows or None


def _formats_anywhere(results: Results) -> list[str]:
    """The formats that some model uses more than now and then, before RL or after it."""
    found = {
        name
        for when in ("before", "after")
        for each in results.select(stage=when)
        for name, share in shares(responses(each, when)).items()
        if share >= NOW_AND_THEN and name != OTHER
    }
    return sorted(found, key=place)


def ends(runs: Results) -> str:
    """How many runs end in which format."""
    counted = Counter(wins(run) for run in each_run(runs))
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


def asides(results: Results) -> Rows | None:
    """What the same problems were answered before RL and after it, without a penalty."""
    return _beside(results.select(**FREE))


def styles(results: Results) -> Rows | None:
    """The same where all solutions are programs in two styles."""
    alone = {each["experiment"] for each in (STYLES, ONE_CORPUS)}
    return _beside(results.where(lambda factors: factors.get("experiment") in alone))


def _beside(runs: Results) -> Rows | None:
    """The first answers to a few problems before RL and after it, in the first run."""
    if not len(runs.select(stage="after")):
        return None
    run = each_run(runs)[0]
    before, after = (responses(run, when).filter(pl.col("sample") == 0)
                     for when in ("before", "after"))  # fmt: skip
    beside = before.join(after, on="problem_id", suffix="_after", maintain_order="left").head(ASIDE)
    problems = problems_of(run, beside)
    return {
        problems[row["problem_id"]]: {
            "before": f"{row['response_text']}\n[{row['grade']}]",
            "after": f"{row['response_text_after']}\n[{row['grade_after']}]",
        }
        for row in beside.iter_rows(named=True)
    }


def by_format(results: Results) -> Rows | None:
    """How often each format is right: chosen greedily, sampled, and forced, by arm."""
    rows: dict[str, dict[str, Cell]] = {}
    names = _formats_anywhere(results)
    for arm in results.select(stage="after").arms:
        own = results.select(arm=arm)
        for when in ("before", "after"):
            row = rows.setdefault(f"{arm}, {when}", {})
            for name in names:
                row[f"{name}, greedy"] = mean_credit(own, f"{GREEDY} {when}", of_format(name))
                row |= {
                    f"{name}, {how}": right_in((name,), stage)(own)
                    for how, stage in (
                        ("right greedily", f"{GREEDY} {when}"),
                        ("right sampled", when),
                        ("right forced", f"{when} {name}"),
                    )
                    if len(own.select(stage=stage))
                }
    return rows or None


def parts(results: Results) -> Rows | None:
    """What the change of accuracy is made of, by arm."""
    return {
        arm: {**made_of, "both": change_of(right)(results.select(arm=arm))}
        for arm, made_of in parts_by_arm(results).items()
    } or None


def thresholds(results: Results) -> Rows | None:
    """From which odds before RL a format wins, by what the odds are of."""
    runs = results.select(**CROSSOVER)
    if not len(runs.select(stage="after")):
        return None
    rows: dict[str, dict[str, Cell]] = {}
    for by in PREDICTORS:
        lost, won = bracket(runs, by)
        rows[by] = {
            "models told": told(by)(results),
            "highest that lost": lost,
            "lowest that won": won,
            "even, by logistic fit": threshold(runs, by),
        }
    return rows


def optimum(results: Results) -> Rows | None:
    """Shares late in long runs under a penalty, and those of the optimum."""
    runs = results.select(experiment="optimum")
    return {
        arm: _means(_beside_optimum, runs.select(arm=arm))
        for arm in runs.select(stage="after").arms
    } or None


def _means(numbers: Callable[[Results], Mapping[str, float]], runs: Results) -> dict[str, Cell]:
    """Of numbers that every run has."""
    return dict(pl.DataFrame([numbers(run) for run in each_run(runs)]).mean().row(0, named=True))


def _beside_optimum(run: Results) -> dict[str, float]:
    """A run's shares late in RL and the optimum's, and how far apart they are."""
    before, late, best = shares(responses(run, "before")), late_shares(run), optimum_of(run)
    moved = still_moving(run)
    found: dict[str, float] = {}
    for name in NAMES:
        found |= {name: late.get(name, 0.0), f"{name}, optimum": best.get(name, 0.0)}
    return found | {
        "total variation": distance(late, best),
        "formats alone": distance(late, mixed_optimum_of(run)),
        "before RL": distance(before, best),
        "moved at the end": moved,
        "runs still moving": float(moved > STILL_MOVING),
    }


def worth(results: Results) -> Rows | None:
    """What RL makes of the penalised reward, and the most it could be."""
    runs = results.select(experiment="optimum")
    rows: dict[str, dict[str, Cell]] = {}
    for arm in runs.select(stage="after").arms:
        own = runs.select(arm=arm)
        given = worth_in_formats(own)
        rows[arm] = {
            "before RL": mean(worth_before, own),
            "after RL": mean(worth_after, own),
            **{f"{name}, after": given.get(name) for name in NAMES},
            "formats alone": mean(worth_of_mixed, own),
            "optimum": mean(worth_of_optimum, own),
        }
    return rows or None


TABLES: tuple[Table, ...] = (
    Table(
        "asides",
        "The same problems before and after RL",
        "The first sample, at temperature 1, to each of the first problems; balanced mixture, "
        "no KL penalty.",
        asides,
    ),
    Table(
        "styles",
        "The same where only the style differs",
        "The first sample, at temperature 1, to each of the first problems; programs in two "
        "styles, or TinyGSM alone.",
        styles,
    ),
    Table(
        "arms",
        "Before and after RL",
        "Greedy accuracy; accuracy, pass@k and majority@k of samples at temperature 1 to the same "
        "problems; the share of each format; by which part of all rounds one format had nine "
        "tenths (above 1: never); how far shares still went from the third quarter of the rounds "
        "to the last; the mean reward of the last eighth (of right answers, unless the arm "
        "says otherwise), which is above accuracy where training problems are remembered; and how "
        "many runs end in which format.",
        arms,
    ),
    Table(
        "losses",
        "What was read, and how well",
        "Mean loss of a token of each format's documents, in nats, in the last step of "
        "pretraining, mean over models.",
        losses,
    ),
    Table(
        "by_format",
        "How often each format is right",
        "By format: its share of greedy answers and how many of those are right; how many are "
        "right of samples in it; and of samples whose first tokens, which say the format, are "
        "given. Over all runs together.",
        by_format,
    ),
    Table(
        "parts",
        "What the gain is made of, in numbers",
        "The change of accuracy of samples by RL in two parts: choosing other formats, for all "
        "problems or by problem, at the accuracies that these have before RL when forced; and "
        "working better within those that are left, with the shares after RL.",
        parts,
    ),
    Table(
        "thresholds",
        "What tells the winner",
        "Models of which a predictor before RL tells most winners, among mixtures where the more "
        "frequent format is the less accurate; and, over all runs, the log of what programs have "
        "of it over what tagged code has: the highest at which programs lost, the lowest at which "
        "they won (in this order, it separates the two), and where they win as often as not, by a "
        "logistic fit with the jackknife over pretrained models. The KL-regularised optimum for a "
        "small penalty says 0 by share × accuracy.",
        thresholds,
    ),
    Table(
        "optimum",
        "The KL-regularised optimum",
        "Shares of formats in the last quarter of RL's rounds under a KL penalty in the reward, "
        "beside those of the policy "
        "that maximises reward minus β KL, told from responses before RL (those are of problems of "
        "training, these of evaluation); the total variation "
        "between the two, and from the policy that is best among those that choose between formats "
        "only; how far shares still went from the third quarter of the rounds to the last, and the "
        "part of the runs that are not at rest.",
        optimum,
    ),
    Table(
        "worth",
        "Reward minus β KL",
        "Mean reward minus β times the KL to the pretrained model, which RLOO maximises: before "
        "RL, on the problems of evaluation; in the last round, on those of training; there in each "
        "format (the same in all where choosing differently gains nothing); and the most that can "
        "be had by choosing between formats only, and by any policy, told from responses before "
        "RL.",
        worth,
    ),
)
