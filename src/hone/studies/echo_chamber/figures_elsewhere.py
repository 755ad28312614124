"""What the study shows beyond the core: algorithms, repeats, sizes."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Drawing

from hone.core.vocabulary import OTHER
from hone.report.phases import phases
from hone.report.plots import Curve, curves
from hone.report.tables import TextTable, estimate_in, render_table
from hone.runs.results import Results
from hone.studies.echo_chamber.figures import accuracy_at
from hone.studies.echo_chamber.measured.comparisons import mean_credit
from hone.studies.echo_chamber.measured.formats import NAMES, right
from hone.studies.echo_chamber.measured.selection import models_of, of_models
from hone.studies.echo_chamber.tables_elsewhere import winners
from hone.studies.study import Figure, Overview


def repeats(results: Results) -> Drawing | None:
    """Accuracy before and after RL over how often programs were read (Fig. 5)."""
    runs = results.select(experiment="repeats")
    times = runs.select(stage="after").factor("times")
    if len(times) < 2:
        return None

    def of(own: Results, when: str) -> Curve:
        rows = [[mean_credit(own.select(times=each, base=model), when, right).value
                 for each in times] for model in models_of(own)]  # fmt: skip
        return Curve(np.array(times, dtype=np.float64), np.array(rows))

    series = {
        f"{when} RL, {how}": of(own, when)
        for tokens, how in (("fixed", "as many tokens"), ("growing", "beside all else"))
        if len(own := runs.select(tokens=tokens))
        for when in ("before", "after")
    }
    return curves(series, "times that each program is read", "accuracy", log_x=True)


def algorithms(results: Results) -> Drawing | None:
    """Accuracy of samples over responses drawn, by algorithm (Fig. 14)."""
    return _by_algorithm(results, lambda name: not name.startswith("EI"))


def expert_iteration(results: Results) -> Drawing | None:
    """The same for expert iteration, beside GRPO (Fig. 20)."""
    return _by_algorithm(results, lambda name: name.startswith("EI") or name == "GRPO")


def _by_algorithm(results: Results, is_shown: Callable[[str], bool]) -> Drawing | None:
    runs = results.select(experiment="algorithms", stage="rl")
    series = {}
    for by in filter(is_shown, map(str, runs.factor("by"))):
        table = of_models(runs.select(by=by).rollouts()).filter(pl.col("temperature") > 0)
        looks = sorted(table["step"].unique())
        curve = accuracy_at(table, looks)
        series[by] = Curve(curve.x / curve.x.max(), curve.y)
    if not series:
        return None
    return curves(series, "part of all responses drawn", "accuracy", order=("GRPO",))


def scales(results: Results) -> Drawing | None:
    """Formats after RL by size and what is read."""
    rows = winners(results)
    return scales_everywhere({"": render_table("winners", "", "", rows)}) if rows else None


def scales_everywhere(parts: Mapping[str, TextTable]) -> Drawing | None:
    """The same of all parts together, from their tables of winners."""
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for table in parts.values():
        for cell in table.rows:
            row = dict(zip(table.headings, cell, strict=True))
            found = {name: estimate_in(row[name]) for name in NAMES}
            known = {name: float(share.value) for name, share in found.items() if share}
            place = row["condition"].replace(", ", ",\n"), row["parameters"]
            cells[place] = known | {OTHER: max(0.0, 1 - sum(known.values()))}
    return phases(cells, (*NAMES, OTHER), "parameters") if cells else None


_SCALES = (
    "Shares of formats after RL, mean over runs, by size. A row says what was read and, relative "
    "to what suits the size, at which learning rate RL goes (the table of winners has it as it "
    "is); all of a row read as many tokens. Large numbers come with some arithmetic without "
    "stories; with small ones, programs misread times."
)
_GRID = "A grid of bars: shares of formats by size, by what was read and by learning rate."
ELSEWHERE: tuple[Figure, ...] = (
    Figure(
        "algorithms",
        "Algorithms at as many samples",
        "Accuracy of samples at temperature 1 over the part of all responses that was drawn for "
        "training; balanced mixture; a thin line a pretrained model.",
        "Curves of accuracy by algorithm.",
        algorithms,
    ),
    Figure(
        "expert_iteration",
        "Expert iteration at as many samples",
        "The same of expert iteration in three rounds, beside GRPO.",
        "Curves of accuracy by algorithm.",
        expert_iteration,
    ),
    Figure(
        "repeats",
        "Repeats of a corpus",
        "Accuracy of samples at temperature 1 before and after RL, by how often the same programs "
        "were read, in place of other documents or beside them. All models read the same programs.",
        "Curves of accuracy over repeats.",
        repeats,
    ),
    Figure(
        "scales",
        "Scale, mixture and learning rate",
        _SCALES,
        _GRID,
        scales,
    ),
)

OVERVIEWS: tuple[Overview, ...] = (
    Overview(
        "scales",
        "Scale, mixture, tokens and learning rate",
        _SCALES,
        _GRID,
        "winners",
        scales_everywhere,
    ),
)
