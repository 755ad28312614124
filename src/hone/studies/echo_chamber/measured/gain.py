"""What the gain of RL is made of: choosing formats, and working better within them."""

import math
from functools import lru_cache, partial

import polars as pl

from hone.measures import Estimate
from hone.measures.decomposition import Decomposition, decompose
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.comparisons import mean, over_models
from hone.studies.echo_chamber.measured.selection import responses


@lru_cache(maxsize=1024)  # of its parts, each is a claim, a bar and a cell
def decomposition(runs: Results) -> Decomposition:
    """What a change by RL is made of, formats being the strategies."""
    before, after = (responses(runs, when) for when in ("before", "after"))
    return decompose(before, after, _forced(runs, "before"), _forced(runs, "after"))


def _forced(runs: Results, when: str) -> pl.DataFrame | None:
    """Responses forced into each format; None where no stage has any."""
    stages = {each.stage for each in runs.stages if each.stage.startswith(f"{when} ")}
    tables = [responses(runs, stage) for stage in sorted(stages)]
    return pl.concat(tables) if tables else None


def chosen_and_refined(run: Results) -> tuple[float, float]:
    """What other formats are worth at the accuracies before RL, Σ Δs·a, and the rest, Σ s·Δa.

    The former has what choosing by problem is worth, Δ Σ s·(a - f), with it. The latter is what is
    done better in the formats that are left, with the shares after RL. Midpoints would charge the
    winner's share with what RL forgets of formats that it gives up: by the end nobody asks for
    them, and their forced accuracy is near 0.
    """
    found = decomposition(run)
    half = found.interaction.value / 2
    by_problem = found.within.value if found.within else 0.0
    return found.selection.value - half + by_problem, found.improvement.value + half


def choosing(run: Results) -> float:
    """What other formats are worth."""
    return chosen_and_refined(run)[0]


def refining(run: Results) -> float:
    """What is done better in the formats that are left."""
    return chosen_and_refined(run)[1]


def choosing_more(run: Results) -> float:
    """What choosing other formats gains beyond what refining does."""
    chosen, refined = chosen_and_refined(run)
    return chosen - refined


def known_from_problems(run: Results) -> float:
    """How far off the parts of a run's change may be, by its problems alone."""
    found = decomposition(run)
    parts = (found.selection, found.improvement, found.within)
    ends = [part.interval for part in parts if part and part.interval]
    return max(((high - low) / 2 for low, high in ends), default=math.nan)


def parts_by_arm(results: Results) -> dict[str, dict[str, Estimate]]:
    """What choosing and working better come to in every arm that was forced after RL."""
    asked = {each.arm for each in results.stages if each.stage.startswith("after ")}
    known = partial(mean, known_from_problems)
    return {
        arm: {
            name: over_models(results.select(arm=arm), partial(mean, part), known)
            for name, part in (("choosing", choosing), ("working better", refining))
        }
        for arm in results.arms
        if arm in asked
    }
