"""What the study shows: Table 1, what gains are made of, when, where, and what foretold them."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.measures import Estimate, accuracy, without_interval
from hone.measures.accuracy import CORRECT
from hone.measures.clocks import by_seed_and_step
from hone.measures.drift import by_token
from hone.report.claims_table import NOTHING
from hone.report.plots import Curve, bars, curves
from hone.report.scatters import Panel, panels
from hone.report.tables import TextTable, estimate_in
from hone.runs.results import Results
from hone.studies.select_and_improve.claims import PAPER_TABLE
from hone.studies.select_and_improve.claims_elsewhere import FASTER
from hone.studies.select_and_improve.statistics import (
    EXECUTION,
    ROUTING,
    ToldAndGained,
    course,
    decomposition,
    responses,
    scores,
    told_and_gained,
)
from hone.studies.select_and_improve.tables import STAGES, by_parts, row_of_table_1
from hone.studies.study import Figure, Overview
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

_LIMITS = (0.0, 1.0)
_BANDS = " Lines: means over seeds, which the thin ones are; bands: from the lowest to the highest."


def table_1(results: Results) -> Drawing | None:
    """Accuracy on hard problems by arm, stage and kind, beside the paper's."""
    runs = results.select(experiment="main")
    groups: dict[str, dict[str, Estimate]] = {}
    for (data, stage), paper in PAPER_TABLE.items():
        arm, when = row_of_table_1(runs, data, stage)
        if not len(arm):
            continue
        rows = groups[f"{data} {STAGES[stage]}"] = {}
        kinds = ((INVERSION, paper[1]), (EVALUATION, paper[2]))
        for kind, reported in kinds:
            rows[kind] = accuracy(responses(arm, when, kind))
            rows[f"{kind}, paper"] = without_interval(reported, "as reported")
    if not groups:
        return None
    return bars(
        groups,
        "accuracy on hard problems",
        levels={"chance": 1 / 11},
        x_limits=_LIMITS,
        beside={f"{kind}, paper": kind for kind in (INVERSION, EVALUATION)},
    )


def parts_of_the_gain(results: Results) -> Drawing | None:
    """Selection and improvement, by arm and kind."""
    return _parts(results.select(experiment="main"), by_kind=True)


def parts_by_reward(results: Results) -> Drawing | None:
    """The same for rewards that know the answer, and that do not."""
    return _parts(results.select(experiment="rewards"), by_kind=False)


def parts_elsewhere(results: Results) -> Drawing | None:
    """The same for every other experiment with RL."""
    known = ("main", "rewards")
    others = results.where(lambda factors: factors.get("experiment", "main") not in known)
    return _parts(others, by_kind=False)


def clocks(results: Results) -> Drawing | None:
    """Routing and execution over the rounds of RL, in the mixed arm."""
    runs = results.select(experiment="main", stage="rl", data="FB")
    series = {
        f"{name}, RL({train})": over_rounds(runs.select(train=train), value)
        for train in runs.factor("train")
        for name, value in (("routing", ROUTING), ("execution", EXECUTION))
    }
    if not series:
        return None
    return curves(series, "RL round", "share, or accuracy, of responses", y_limits=_LIMITS)


def accuracy_over_rounds(results: Results) -> Drawing | None:
    """Accuracy on the hard problems over the rounds of RL on them, by demonstrations (Fig. 2)."""
    runs = results.select(experiment="main", stage="rl", level="hard")
    return _over_rounds(runs, "data") if len(runs) else None


def curricula(results: Results) -> Drawing | None:
    """Accuracy on the hard problems over rounds, by curriculum."""
    runs = results.select(experiment="curricula", stage="rl")
    return _over_rounds(runs, "by") if len(runs) else None


def tilt(results: Results) -> Drawing | None:
    """Routing of the rarer kind of problem over rounds, by how rare it is (Fig. 5)."""
    runs = results.select(experiment="tilt", stage="rl")
    series = {
        f"{share:.0%} evaluations": over_rounds(
            runs.select(evaluation_share=share), ROUTING, INVERSION
        )
        for share in runs.factor("evaluation_share")
    }
    if not series:
        return None
    return curves(series, "RL round", "inversions solved backward", y_limits=_LIMITS)


def where_rl_acts(results: Results) -> Drawing | None:
    """KL to the policy before RL, of a token that decides, executes or answers.

    Of B on inversions alone, where it has nothing to select and everything to improve.
    """
    runs = results.select(experiment="main", stage="drift", level="hard")
    series: dict[str, Curve] = {}
    for data, kind in (("FB", None), ("B", INVERSION)):
        arm = runs.select(data=data)
        if not len(arm):
            return None
        table = by_token(scores(arm, kind)).with_columns(value=pl.col("kl") / pl.col("tokens"))
        for token in ("decide", "execute", "answer"):
            here = by_seed_and_step(table.filter(pl.col("token") == token))
            series[f"{data}{f' on {kind}s' if kind else ''}: {token}"] = _curve(*here)
    return curves(series, "RL round", "KL to the policy before RL (nats a token)")


def foretold(results: Results) -> Drawing | None:
    """What headroom and signal before RL promised, against what RL then did, by arm of Table 1."""
    found = told_and_gained(results.select(experiment="main"))
    return _told_against_gained({arm: [points] for arm, points in found.items()}) if found else None


def foretold_everywhere(gains: Mapping[str, TextTable]) -> Drawing | None:
    """The same of every arm of every part, once where parts share it, by what was done to it."""
    told: dict[str, list[ToldAndGained]] = {}
    seen: set[tuple[str, ...]] = set()
    for part, table in gains.items():
        for name, *cells in table.rows:
            if tuple(cells) not in seen:
                seen.add(tuple(cells))
                row = dict(zip(table.headings, (name, *cells), strict=True))
                told.setdefault(_done_to(part, name), []).append(_in_words(row))
    return _told_against_gained(told) if told else None


VERIFIED = "verified, hard, balanced"


def _done_to(part: str, arm: str) -> str:
    """What an arm differs in from RL by a verifier on as many hard problems of each kind."""
    return next(
        (
            group
            for group, holds in {
                "reward without the answer": part == "rewards" and "verifier" not in arm,
                "easy problems": "RL(2-5)" in arm,
                "mostly evaluations": part == "tilt" and "50%" not in arm,
                "supervised": part == "yardsticks" and not arm.endswith("RL"),
                "5 × learning rate": arm.endswith(FASTER),
                "expert iteration": arm.endswith("expert_iteration"),
            }.items()
            if holds
        ),
        VERIFIED,
    )


def _in_words(row: Mapping[str, str]) -> ToldAndGained:
    """What a row of the table of gains says of an arm, where it says both."""
    columns = {
        "selection": ("selection foretold", "selection"),
        "improvement": ("improvement foretold", "improvement"),
        "signal": ("groups with signal", "change"),
    }
    found = {
        part: tuple(estimate_in(row.get(name, NOTHING)) for name in pair)
        for part, pair in columns.items()
    }
    return {part: (told, came) for part, (told, came) in found.items() if told and came}


def _told_against_gained(told: Mapping[str, Sequence[ToldAndGained]]) -> Drawing:
    return panels(
        [
            Panel(
                {
                    name: [found[part] for found in arms if part in found]
                    for name, arms in told.items()
                    if any(part in found for found in arms)
                },
                x_label,
                y_label,
                equal=part != "signal",
            )
            for part, x_label, y_label in (
                ("selection", "left to gain by choosing", "selection by RL"),
                ("improvement", "left to gain by executing", "improvement by RL"),
                ("signal", "groups with signal", "change by RL"),
            )
        ]
    )


def compositions(results: Results) -> Drawing | None:
    """Accuracy on compositions before RL and after it."""
    groups = by_parts(results)
    if groups is None:
        return None
    return bars(groups, "accuracy", levels={"chance": 1 / 11}, x_limits=_LIMITS)


def _parts(runs: Results, by_kind: bool) -> Drawing | None:
    groups: dict[str, dict[str, Estimate]] = {}
    for arm in runs.arms:
        for kind in (INVERSION, EVALUATION) if by_kind else (None,):
            found = decomposition(runs.select(arm=arm), kind)
            if found is None:
                continue
            groups[f"{arm}, {kind}s" if kind else arm] = {
                "selection": found.selection,
                "improvement": found.improvement,
            }
    if not groups:
        return None
    return bars(groups, "change of accuracy", levels={"none": 0.0}, x_limits=(-0.2, 0.6))


def _over_rounds(runs: Results, factor: str) -> Drawing:
    series: Mapping[str, Curve] = {
        str(value): over_rounds(runs.select(**{factor: value}), CORRECT.mean())
        for value in runs.factor(factor)
    }
    return curves(series, "RL round", "accuracy on hard problems", y_limits=_LIMITS)


def over_rounds(runs: Results, value: pl.Expr, kind: str | None = None) -> Curve:
    """A value of sampled responses at every evaluation of RL."""
    return _curve(*course(runs, value, kind))


def _curve(steps: np.ndarray, values: np.ndarray) -> Curve:
    return Curve(steps.astype(float), values)


_PANELS = (
    "Three panels: headroom before RL against gains by RL, for selection and for improvement; and "
    "the share of groups with signal against the change."
)
FIGURES: tuple[Figure, ...] = (
    Figure(
        "table_1",
        "Table 1: accuracy by arm, stage and kind of problem",
        "Accuracy on one balanced set of hard problems, with 95 % intervals over "
        "seeds and problems, beside the paper's Table 1 (Qwen2.5-1.5B).",
        "Accuracies by demonstrations, stage and kind of problem, each "
        "with the paper's figure under it.",
        table_1,
    ),
    Figure(
        "parts_of_the_gain",
        "What RL's gain is made of",
        "The change of accuracy by RL in its parts: other strategies chosen (selection), the same "
        "ones executed better (improvement). Strategies' accuracies are those of forced responses; "
        "what is left of the change, choosing within cells of equal kind and length, is in the "
        "table of gains, and is next to nothing.",
        "Parts of the change of accuracy with intervals, for each arm and kind of problem.",
        parts_of_the_gain,
    ),
    Figure(
        "clocks",
        "Clocks: when routing and execution change",
        "Share of responses in their problem's native strategy, and accuracy of those that are, on "
        "hard problems over the rounds of RL; mixed demonstrations." + _BANDS,
        "Curves of routing and execution over the rounds of RL.",
        clocks,
    ),
    Figure(
        "accuracy_over_rounds",
        "Accuracy over the rounds of RL",
        "Sampled accuracy on hard problems over the rounds of RL on them, by demonstrations."
        + _BANDS,
        "Curves of accuracy over rounds for three kinds of demonstrations.",
        accuracy_over_rounds,
    ),
    Figure(
        "where_rl_acts",
        "Where in a response RL acts",
        "KL of the policy to the one before RL, estimated on its own responses (k1), per token "
        "that decides the strategy, executes it, or is the answer; from both strategies, and from "
        "backward alone where it is native." + _BANDS,
        "Curves of KL per token over rounds, by what the token does.",
        where_rl_acts,
    ),
    Figure(
        "foretold",
        "What could be told before RL",
        "Left to gain by choosing (accuracy under the best strategy of each cell minus present "
        "accuracy) and by executing (pass@k of half the samples minus accuracy under it), from "
        "step-verified forced responses before RL, against selection and improvement by RL: on the "
        "line a gain is what was left. And the share of groups with a signal that is no luck in "
        "RL's first round, against the whole change. A point an arm, with 95 % intervals; arms "
        "with the same demonstrations begin with the same models. What is left and what is gained "
        "are both counted from the present accuracy.",
        _PANELS,
        foretold,
    ),
    Figure(
        "parts_by_reward",
        "Rewards that know the answer, and some that do not",
        "Parts of the change of accuracy by RL on hard problems, FB, by reward.",
        "Parts of the change with intervals, for each reward.",
        parts_by_reward,
    ),
    Figure(
        "tilt",
        "Routing where one kind of problem is rare",
        "Share of inversions on hard problems that are solved backward, over the rounds of RL, by "
        "the share of evaluations among RL's problems. What is evaluated is balanced." + _BANDS,
        "Curves of a share over rounds, one for each mix of RL's problems.",
        tilt,
    ),
    Figure(
        "curricula",
        "Curricula of difficulty at equal rollouts",
        "Sampled accuracy on hard problems over rounds, by how problems were chosen." + _BANDS,
        "Curves of accuracy over rounds, one for each curriculum.",
        curricula,
    ),
    Figure(
        "parts_elsewhere",
        "What the change is made of",
        "Parts of the change of accuracy on hard problems by RL, or by what stands in its place.",
        "Parts of the change with intervals, for each arm.",
        parts_elsewhere,
    ),
    Figure(
        "compositions",
        "Compositions by number of parts",
        "Accuracy on problems of three to five parts, before RL on them and after, from "
        "demonstrations with two-part problems among them (seeds) or without.",
        "Accuracies before and after RL with intervals, by demonstrations and number of parts.",
        compositions,
    ),
)

OVERVIEWS: tuple[Overview, ...] = (
    Overview(
        "foretold",
        "What could be told before RL, over all arms",
        "Every arm of every part, from the parts' tables of what RL gained and what was "
        "foretold: left to gain by choosing and by executing, against selection and improvement; "
        "and groups with signal in RL's first round, against the whole change. On the line a gain "
        "is what was left. A point an arm, with 95 % intervals; where parts were run on two "
        "machines, an arm that both have is there twice.",
        _PANELS,
        "gains",
        foretold_everywhere,
    ),
)
