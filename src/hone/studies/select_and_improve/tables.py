"""Table 1 of the paper, measured, and what RL gained in every arm beside what was foretold."""

import numpy as np

from hone.core.vocabulary import OTHER
from hone.measures import accuracy, share
from hone.measures.accuracy import estimate, per_problem
from hone.measures.clocks import change_by, half_time
from hone.measures.headroom import guessing_pass_at_k
from hone.report.tables import Cell, Rows
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.select_and_improve.claims import EASY, HARD, PAPER_TABLE
from hone.studies.select_and_improve.statistics import (
    EXECUTION,
    ROUTING,
    STEPS,
    TIMED,
    by_opening,
    decomposition,
    first_signal,
    predicted,
    responses,
    timeline,
)
from hone.studies.study import Table
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

STAGES = {
    "before": "after fine-tuning",
    EASY: "after RL on easy problems",
    HARD: "after RL on hard problems",
}
_KINDS = {"all": None, INVERSION: INVERSION, EVALUATION: EVALUATION}
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
            "foretold": room.selection,
            "improvement": found.improvement,
            f"foretold, pass@{room.k}": room.improvement,
            f"pass@{room.k} by guessing": guessing_pass_at_k(_answers(runs), room.k),
            "choice within cells": found.within,
            "of them, both at once": found.interaction,
            "goes on in no strategy, before": share(responses(runs, "before"), OTHER),
            "after": share(responses(runs, "after"), OTHER),
        }
        drawn = runs.select(stage="rl")
        if len(drawn):
            first = first_signal(drawn)
            row |= {"groups with signal": first.verified, "with luck only": first.lucky}
    return rows or None


def _answers(runs: Results) -> int:
    """How many answers a problem may have: the field's elements."""
    task = part_of_config(runs.select(stage="after").stages[0].folder, "task")
    return int(getattr(task, "task", task).p)  # in words, it is inside


def by_length(results: Results) -> Rows | None:
    """The parts of the main experiment's change by kind and number of operations (Fig. 3)."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.select(experiment="main", level=HARD)
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
    """When routing and execution changed, in every arm that learned as the main ones did."""
    rows: dict[str, dict[str, Cell]] = {}
    same = ("main", "another_field", "longer", "restrained", "tilt")
    drawn = results.select(stage="rl").where(lambda factors: factors.get("experiment") in same)
    for arm in drawn.arms:
        runs = drawn.select(arm=arm)
        for name, value in (("routing", ROUTING), ("execution", EXECUTION)):
            steps, values = timeline(runs, value)
            early = int(steps[np.abs(steps - _EARLY * steps[-1]).argmin()])
            rows[f"{arm}, {name}"] = {
                "change": change_by(steps, values, runs.seeds, int(steps[-1])),
                f"by round {early}": change_by(steps, values, runs.seeds, early),
                "round of half of it": half_time(steps, values, runs.seeds, TIMED),
            }
    return rows or None


def compositions(results: Results) -> Rows | None:
    """Accuracy on compositions before RL and after it, by their number of parts."""
    rows: dict[str, dict[str, Cell]] = {}
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
        "gains",
        "What RL gained, and what was foretold",
        "The change of accuracy in its parts; beside them the headroom that responses forced into "
        "each strategy showed before RL, right at every step (pass@k by guessing is what such a "
        "count would hold if luck were not left out); and the share of groups in the first round "
        "whose rewards differ, the best of them for a response that is right at every step, or "
        "not. Choice and execution that change together are in both halves; how much that is "
        "stands apart.",
        gains,
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
        "When routing and execution change",
        "Share of responses that open in their problem's native strategy (routing), and accuracy "
        "of those that do (execution): the change over all rounds of RL, the change after a fifth "
        "of them, and the round from which on half of it was done. A change of less than a tenth "
        "is not timed.",
        clocks,
    ),
    Table(
        "compositions",
        "Compositions by number of parts",
        "Mean accuracy of samples on problems of three to five parts, before RL on them and after, "
        "from demonstrations with two-part problems among them (seeds) or without.",
        compositions,
    ),
)
