"""Table 1 of the paper, measured, and what RL gained in every arm beside what was foretold."""

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER
from hone.measures import Estimate, accuracy, share
from hone.measures.accuracy import estimate, per_problem
from hone.measures.clocks import change_by, half_time
from hone.measures.drift import deciding_share, late, per_token
from hone.measures.headroom import guessing_pass_at_k
from hone.report.tables import Cell, Rows
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.select_and_improve.claims import EASY, HARD, PAPER_TABLE
from hone.studies.select_and_improve.statistics import (
    CLOCKS,
    FORCED_NATIVELY,
    NATIVE,
    ROUTING,
    STEPS,
    TIMED,
    by_opening,
    course,
    decomposition,
    first_signal,
    forced,
    predicted,
    responses,
    scores,
)
from hone.studies.study import Table
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

STAGES = {
    "before": "after fine-tuning",
    EASY: "after RL on easy problems",
    HARD: "after RL on hard problems",
}
_KINDS = {"all": None, INVERSION: INVERSION, EVALUATION: EVALUATION}
_OF_KIND = {
    "all": pl.lit(True),
    **{f"{kind}s": pl.col("kind") == kind for kind in (INVERSION, EVALUATION)},
}
_EARLY = 0.2  # of the rounds, where a change is looked at on its way


def table_1(results: Results) -> Rows | None:
    """Accuracy on hard problems by arm, stage and kind, beside the paper's."""
    runs = results.select(experiment="main")
    rows: dict[str, dict[str, Cell]] = {}
    for (data, stage), paper in PAPER_TABLE.items():
        arm, when = row_of_table_1(runs, data, stage)
        if not len(arm):
            continue
        row = rows[f"{data} {STAGES[stage]}"] = {}
        for (name, kind), reported in zip(_KINDS.items(), paper, strict=True):
            row[name] = accuracy(responses(arm, when, kind))
            row[f"{name}, paper"] = reported
        asked = responses(arm, when)
        opened = by_opening(arm.select(stage=when), asked)
        row["opens natively"] = estimate(per_problem(opened, ROUTING), confidence=0.95)
        row["goes on in no strategy"] = share(asked, OTHER)
    return rows or None


def row_of_table_1(runs: Results, data: str, stage: str) -> tuple[Results, str]:
    """The runs that a row is of, and what their evaluation is called.

    Before RL there is no telling what it will be trained on; hard problems are asked all the same.
    """
    if stage == "before":
        asked = runs.select(data=data, level=HARD, stage="before")
        return asked, "before"
    return runs.select(data=data, level=stage, stage="after"), "after"


def gains(results: Results) -> Rows | None:
    """What each arm's RL gained, by its parts, and what responses before it foretold."""
    rows: dict[str, dict[str, Cell]] = {}
    for arm in results.select(stage="after").arms:
        runs = results.select(arm=arm)
        found, room = decomposition(runs), predicted(runs)
        if found is None or room is None:
            continue
        row = rows[arm] = {
            "change": found.total,
            "selection": found.selection,
            "selection foretold": room.selection,
            "improvement": found.improvement,
            "improvement foretold": room.improvement,
            f"best strategy's pass@{room.k}": room.reachable,
            "by guessing": guessing_pass_at_k(_answers(runs), room.k),
            "choice within cells": found.within,
            "of them, both at once": found.interaction,
            "goes on in no strategy, before": share(responses(runs, "before"), OTHER),
            "after": share(responses(runs, "after"), OTHER),
            "forced, not followed, after": estimate(
                per_problem(forced(runs, "after"), (pl.col("strategy") != pl.col("forced")).mean()),
                confidence=0.95,
            ),
        }
        drawn = runs.select(stage="rl")
        if len(drawn):
            first = first_signal(drawn)
            row |= {"groups with signal": first.verified, "with luck only": first.lucky}
    return rows or None


def sides(results: Results) -> Rows | None:
    """Accuracy and routing before RL and after it, by kind; over seeds, and seed by seed."""
    rows: dict[str, dict[str, Cell]] = {}
    for arm in results.select(stage="after").arms:
        runs = results.select(arm=arm)
        if len(runs.select(stage="before")):
            rows[arm] = {**_sides(runs)}
            if len(runs.seeds) > 1:
                for seed in runs.seeds:
                    each = _sides(runs.of_seeds([seed]))
                    rows[f"{arm}, seed {seed}"] = {
                        name: found.value for name, found in each.items()
                    }
    return rows or None


def _sides(runs: Results) -> dict[str, Estimate]:
    """What responses are worth, how they open, and what the native strategy is worth if forced."""
    found: dict[str, Estimate] = {}
    for when in ("before", "after"):
        asked, native = responses(runs, when), forced(runs, when).filter(FORCED_NATIVELY)
        found |= {f"{name}, {when}": accuracy(asked.filter(of)) for name, of in _OF_KIND.items()}
        opened = by_opening(runs.select(stage=when), asked)
        found[f"opens forward, {when}"] = share(opened, "forward")
        found[f"opens natively, {when}"] = estimate(per_problem(opened, ROUTING), confidence=0.95)
        found[f"forced natively, {when}"] = accuracy(native)
    return found


def _answers(runs: Results) -> int:
    """How many answers a problem may have: the field's elements."""
    task = part_of_config(runs.select(stage="after").stages[0].folder, "task")
    return int(getattr(task, "task", task).p)  # in words, it is inside


def by_length(results: Results) -> Rows | None:
    """The parts of the main experiment's change by kind and number of operations (Fig. 3)."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.select(experiment="main")
    for arm in runs.select(stage="after").arms:
        own = runs.select(arm=arm)
        for kind in (INVERSION, EVALUATION):
            before, after = (responses(own, when, kind) for when in ("before", "after"))
            for length in sorted(after["difficulty"].unique()):
                forced, observed = (
                    decomposition(own, kind, length, observed) for observed in (False, True)
                )
                assert forced is not None
                assert observed is not None
                rows[f"{arm}, {kind}s of {length}"] = {
                    "before": accuracy(before.filter(length == STEPS)),
                    "after": accuracy(after.filter(length == STEPS)),
                    "selection": forced.selection,
                    "selection, observed": observed.selection,
                    "improvement": forced.improvement,
                    "improvement, observed": observed.improvement,
                }
    return rows or None


def clocks(results: Results) -> Rows | None:
    """When routing, execution and accuracy changed, in arms that learned as the main ones did."""
    rows: dict[str, dict[str, Cell]] = {}
    same = ("main", "another_field", "longer", "restrained", "tilt")
    drawn = results.select(stage="rl").where(lambda factors: factors.get("experiment") in same)
    for arm in drawn.arms:
        runs = drawn.select(arm=arm)
        for name, value in CLOCKS.items():
            steps, values = course(runs, value)
            early = _nearest(steps)
            rows[f"{arm}, {name}"] = {
                "change": change_by(steps, values, runs.seeds, int(steps[-1])),
                f"by round {early}": change_by(steps, values, runs.seeds, early),
                "round of half of it": half_time(steps, values, runs.seeds, TIMED),
            }
    return rows or None


def easy(results: Results) -> Rows | None:
    """What fine-tuning taught, on problems as its demonstrations were."""
    rows: dict[str, dict[str, Cell]] = {}
    for experiment, field in (("main", ""), ("another_field", "GF(13) ")):
        runs = results.select(experiment=experiment)
        for arm in runs.select(stage="easy").arms:
            own = runs.select(arm=arm)
            row = rows[f"{field}{arm}"] = {"all": accuracy(responses(own, "easy"))}
            for kind, native in NATIVE.items():
                for strategy in NATIVE.values():
                    asked = responses(own, f"easy {strategy}", kind)
                    mark = ", native" if strategy == native else ""
                    row[f"{kind}s, forced {strategy}{mark}"] = accuracy(asked)
    return rows or None


def where_rl_acts(results: Results) -> Rows | None:
    """KL to the policy before RL by kind of token, on the way and late; and the deciding part."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.select(experiment="main", stage="drift")
    for arm in runs.arms:
        for kind in (INVERSION, EVALUATION):
            table = scores(runs.select(arm=arm), kind)
            early = _nearest(np.array(table["step"].unique()))
            first, last = table.filter(pl.col("step") == early), late(table)
            row = rows[f"{arm}, {kind}s"] = {}
            for when, looked in ((f"round {early}", first), ("late", last)):
                row |= {
                    f"{token}, {when}": per_token(looked, token)
                    for token in ("decide", "execute", "answer")
                }
                row[f"deciding share, {when}"] = deciding_share(looked)
    return rows or None


def _nearest(steps: np.ndarray) -> int:
    """The look nearest to a fifth of all rounds."""
    return int(steps[np.abs(steps - _EARLY * steps.max()).argmin()])


def by_parts(results: Results) -> dict[str, dict[str, Estimate]] | None:
    """Accuracy on compositions before RL and after it, by their number of parts."""
    rows: dict[str, dict[str, Estimate]] = {}
    runs = results.select(experiment="compositions")
    for arm in runs.arms:
        whens = ("composed before", "composed after")
        sides = {when: responses(runs.select(arm=arm), when) for when in whens}
        for parts in sorted(sides[whens[0]]["difficulty"].unique()):
            rows[f"{arm}, {parts} parts"] = {
                when.removeprefix("composed "): accuracy(asked.filter(parts == STEPS))
                for when, asked in sides.items()
            }
    return rows or None


TABLES: tuple[Table, ...] = (
    Table(
        "table_1",
        "Table 1: accuracy by demonstrations, stage and kind of problem",
        "Mean accuracy of samples at RL's temperature on one balanced set of hard problems (6-9 "
        "operations unless set otherwise; easy: 2-5), with 95 % intervals, beside the paper's "
        "figures (Qwen2.5-1.5B); and the shares of responses that open in their problem's native "
        "strategy, and of those that open in none or lose the order of operations on the way.",
        table_1,
    ),
    Table(
        "easy",
        "What fine-tuning taught, on problems as its demonstrations were",
        "Mean accuracy of samples on easy problems, of all responses as the model chooses, and of "
        "those forced into each strategy, by kind of problem.",
        easy,
    ),
    Table(
        "gains",
        "What RL gained, and what was foretold",
        "The change of accuracy in its parts; beside them the headroom that responses forced into "
        "each strategy showed before RL, right at every step (beside the best strategy's pass@k is "
        "what guessing would come to if luck were not left out); and the share of groups in RL's "
        "first round "
        "whose rewards differ, the best of them for a response that is right at every step, or "
        "not. Choice and execution that change together are in both halves; how much that is "
        "stands apart.",
        gains,
    ),
    Table(
        "sides",
        "Before and after, seed by seed",
        "Mean accuracy of samples on balanced hard problems, by kind; the share of responses that "
        "open forward, and in their problem's native strategy; and the accuracy of those forced "
        "into that. Over seeds with 95 % intervals, then each seed.",
        sides,
    ),
    Table(
        "by_length",
        "The same by kind and number of operations",
        "Accuracy before and after RL on hard problems, and selection and improvement within each "
        "cell: by the accuracy of responses forced into each strategy, and of those that chose it "
        "(observed), which a strategy that suits easier problems flatters.",
        by_length,
    ),
    Table(
        "clocks",
        "When routing, execution and accuracy change",
        "Share of responses that open in their problem's native strategy (routing); accuracy of "
        "those that do, every kind and length weighing the same throughout, so that it does not "
        "move where only their mix does (execution); and of all responses: the change over all "
        "rounds of RL and after a fifth of them, with intervals over seeds alone, and the round "
        "from which on half of it was done. A change of less than a tenth is not timed.",
        clocks,
    ),
    Table(
        "where_rl_acts",
        "Where in a response RL acts",
        "KL of the policy to the one before RL, estimated on its own responses (k1): nats of the "
        "token that decides the strategy, and of one that executes it, after a fifth of the rounds "
        "and over the last quarter of them; and the part of a response's KL that lies on the "
        "deciding token.",
        where_rl_acts,
    ),
    Table(
        "compositions",
        "Compositions by number of parts",
        "Mean accuracy of samples on problems of three to five parts, before RL on them and after, "
        "from demonstrations with two-part problems among them (seeds) or without.",
        by_parts,
    ),
)
