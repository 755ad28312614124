"""A small page's worth of claims, figures and responses."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from hone.measures.estimates import Estimate
from hone.report import plots
from hone.report.page import Arm, Choices, FigureImage, Page, render_figure
from hone.report.tables import TextTable, render_table

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<!--<script>",
    "]]><img src=x onerror='window.hacked=1'>",
    "\"'><svg onload=window.hacked=1>",
    "{{ 7 * 7 }}{% raw %}",
    "line one\r\nline two\u2028line three\u0000",
    "| a | b |\n|---|---|\n# heading",
    "`code` **bold** [link](javascript:alert(1)) ![](http://example.org/x.png)",
)


def claim(**changes: Any) -> dict[str, Any]:
    """A reproduced claim, with some of its fields changed."""
    return {
        "id": "threshold",
        "paper": "A paper, Fig. 2",
        "statement": "Below one third the greedy answer is a coin flip.",
        "statistic": "greedy accuracy",
        "unit": "",
        "reported": 0.5,
        "measured": 0.503,
        "interval": [0.482, 0.524],
        "confidence": 0.95,
        "method": "t over seeds",
        "seeds": [0, 1, 2],
        "region": "≤ 0.58",
        "verdict": "reproduced",
        "note": "",
    } | changes


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, (low, high), 0.95, "t over seeds", (0, 1, 2))


def curve(seeds: int = 3, points: int = 5) -> plots.Curve:
    """Rising from 0.5, a seed a little above the other."""
    x = np.arange(float(points))
    return plots.Curve(x, 0.5 + 0.08 * x + 0.01 * np.arange(float(seeds))[:, None])


@cache
def figure(name: str = "curve") -> FigureImage:
    drawn = plots.curves({"greedy": curve()}, "step", "accuracy", marks={"switch": 2.0})
    return render_figure(name, "Accuracy", "Mean and range.", "Accuracy rises from 0.5.", drawn)


def table() -> TextTable:
    noted = replace(estimate(0.7, 0.6, 0.8), note="one seed | left out")
    rows = {
        "FB": {"before": estimate(0.5, 0.4, 0.6), "paper": 0.47},
        "F": {"paper": 0.57, "after": noted},
    }
    return render_table("table_1", "Table 1", "Accuracy by arm | stage.", rows)


def rollouts(rows: int = 60) -> pl.DataFrame:
    """Two arms, three strategies in turn, every third response wrong."""
    i = np.arange(rows)
    return pl.DataFrame(
        {
            "arm": np.where(i % 2 == 0, "ntp", "grpo"),
            "stage": ["evaluate"] * rows,
            "seed": i % 3,
            "step": i // 20,
            "split": ["test"] * rows,
            "temperature": i % 2 * 1.0,
            "problem_id": [f"p{k}" for k in i],
            "prompt_text": ["+-+"] * rows,
            "response_text": [f"response {k}" for k in i],
            "strategy": [("chain", "direct", "other")[k % 3] for k in i],
            "grade": np.where(i % 3 == 2, "incorrect", "correct"),
            "grade_reason": np.where(i % 3 == 2, "wrong", "right"),
            "steps_correct": [None if k % 3 else 11 for k in i],
            "reward": np.where(i % 3 == 2, 0.0, 1.0),
            "advantage": np.where(i % 3 == 2, np.nan, 0.1234567),
            "finish": ["stop"] * rows,
        }
    )


def page(**changes: Any) -> Page:
    """A whole page, with some of its parts changed."""
    parts: dict[str, Any] = {
        "title": "Parity",
        "paper": "A paper, 2025",
        "summary": "What RL does after next-token prediction.",
        "claims": [claim(), claim(id="rounds", verdict="inconclusive", interval=None)],
        "figures": [figure("first"), figure("second")],
        "tables": [table()],
        "rollouts": rollouts(),
        "command": "hone run parity --preset quick",
        "environment": {"code": "0.1.0+4302fda", "packages": {"torch": "2.9.1"}},
        "settings": {"bits": 11, "model": {"width": 64, "dropout": None}},
        "arms": [
            Arm(("ntp", "star"), "evaluate", {"greedy": estimate(0.5, 0.48, 0.52)}),
            Arm(("grpo",), "evaluate", {"chains": estimate(0.9, 0.8, 1)}),
        ],
        "facts": {"date": ["2026-01-31"], "evaluation": ["512 problems", "64 problems, forced"]},
        "algorithms": [Choices("grpo", ("grpo",), {"credit.ddof": "1", "kl": "none"})],
    }
    return Page(**(parts | changes))
