"""Where the bounds begin to say something."""

import numpy as np

from hone.report.tables import Cell, Rows
from hone.runs.results import Results
from hone.studies.rl_after_ntp import linear_bounds
from hone.studies.rl_after_ntp.linear_bounds import QUANTITIES
from hone.studies.rl_after_ntp.linear_statistics import DELTA, bound_on, error_curve, sgd_of
from hone.studies.study import Table

_HALF = 0.5


def where_bounds_begin(results: Results) -> Rows | None:
    """For every setting and bound: from which T it is below one half, and how loose it is."""
    runs = results.where(lambda each: each["experiment"] in ("rates", "minibatches"))
    rows: dict[str, dict[str, Cell]] = {}
    for arm in runs.arms:
        part = runs.select(arm=arm)
        (d,), (p_cot,), sgd = part.factor("d"), part.factor("p_cot"), sgd_of(part)
        row = rows[arm] = {}
        for quantity in QUANTITIES:
            start = linear_bounds.steps_until(quantity, int(d), float(p_cot), sgd, DELTA, _HALF)
            steps, found = error_curve(part, quantity)
            loose = bound_on(part, quantity, steps[-1]) / float(np.mean(found[:, -1]))
            row[f"{quantity}: T"] = "never" if start == np.inf else f"{start:.2g}"
            row[f"{quantity}: bound/error"] = loose
    return rows or None


TABLES: tuple[Table, ...] = (
    Table(
        "where_bounds_begin",
        "Where the bounds begin to say something",
        "T: the steps (of y_l, the long samples) from which noise and bias together are below one "
        "half with probability 0.9; never, where the bias alone is not. bound/error: how many "
        "times the bound on the noise exceeds the mean error after the last step.",
        where_bounds_begin,
    ),
)
