"""Claims on scale: what the size of a model, and how much it has read, changes."""

from collections.abc import Callable

from hone.measures import AtLeast, AtMost, Estimate
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.claims.rules import claim
from hone.studies.echo_chamber.measured.comparisons import (
    counted,
    difference,
    mostly,
    share_of_models,
    slope_of,
    trend_over,
)
from hone.studies.echo_chamber.measured.endings import ends_in, most_accurate_wins
from hone.studies.echo_chamber.measured.formats import of_format
from hone.studies.echo_chamber.measured.gain import choosing_more
from hone.studies.echo_chamber.measured.selection import models_of
from hone.studies.echo_chamber.mixtures import MISREAD
from hone.studies.study import Measure

AMBIGUOUS: dict[str, Factor] = {"experiment": "scale", "mixture": MISREAD, "rate": 1}
ALL_ALIKE: dict[str, Factor] = {"experiment": "scale", "mixture": "balanced", "rate": 1}
AS_MANY_TOKENS: dict[str, Factor] = {"experiment": "tokens", "documents": 1}
TEXT = of_format("text")
Size = dict[str, Factor]
"""What models of a size have in common."""


def _of_sizes(experiment: str, measure: Callable[[Size, Size], Measure]) -> Measure:
    """A measure of the smallest and the largest models of an experiment."""

    def of_these(results: Results) -> Estimate | None:
        sizes = results.select(experiment=experiment).factor("scale")
        if len(sizes) < 2:
            return None
        return measure({"scale": sizes[0]}, {"scale": sizes[-1]})(results)

    return of_these


def _more_text(where: dict[str, Factor], rate: int = 1) -> Measure:
    """Text after RL in the largest models, at a learning rate, minus in the smallest at theirs."""

    def measure(small: Size, large: Size) -> Measure:
        sides = {**large, "rate": rate}, {**small, "rate": 1}
        return difference(TEXT, *sides, **where)

    return _of_sizes(str(where["experiment"]), measure)


def _winner_changes(small: Size, large: Size) -> Measure:
    """The share of seeds with which small models end in programs and large ones in text."""

    def measure(results: Results) -> Estimate | None:
        smaller, larger = (results.select(**AMBIGUOUS, **size) for size in (small, large))
        if not (len(smaller) and len(larger)):
            return None
        models = models_of(smaller)
        return share_of_models(
            [
                mostly(ends_in("program"), smaller.select(base=each))
                and mostly(ends_in("text"), larger.select(base=each))
                for each in models
            ],
            models,
        )

    return measure


SCALE = (
    claim(
        "small_ends_in_programs",
        "§3.4, Fig. 7",
        "A small model ends in programs.",
        "share of models of which most runs end so, smallest models, programs that misread a "
        "relation, large numbers",
        AtLeast(0.5),
        _of_sizes("scale", lambda small, _: counted(ends_in("program"), **AMBIGUOUS, **small)),
    ),
    claim(
        "large_ends_in_text",
        "§3.4, Fig. 7",
        "A large model that has read as many tokens ends in natural language.",
        "share of models of which most runs end so, largest models, same documents",
        AtLeast(0.5),
        _of_sizes("scale", lambda _, large: counted(ends_in("text"), **AMBIGUOUS, **large)),
    ),
    claim(
        "scale_moves_to_text",
        "§3.4, Fig. 7",
        "Scale moves RL towards natural language.",
        "share of text after RL in the largest models minus in the smallest, same documents",
        AtLeast(0.2),
        _more_text(AMBIGUOUS),
    ),
    claim(
        "scale_at_equal_rates",
        "hone's own",
        "Scale moves RL towards natural language at one learning rate of RL, too.",
        "the same, the largest at three times their learning rate, which is that of the smallest",
        AtLeast(0.2),
        _more_text(AMBIGUOUS, rate=3),
    ),
    claim(
        "scale_alone",
        "§3.4",
        "Scale moves RL towards natural language where programs misread nothing, too.",
        "share of text after RL in the largest models minus in the smallest, balanced mixture",
        AtLeast(0.2),
        _more_text(ALL_ALIKE),
    ),
    claim(
        "text_grows_with_size",
        "§3.4, Fig. 7",
        "The larger the model, the more natural language RL ends in.",
        "slope of the share of text after RL on the rank of size, same documents",
        AtLeast(0.0),
        trend_over("scale", TEXT, **AMBIGUOUS),
    ),
    claim(
        "size_changes_the_winner",
        "§3.4, Fig. 7",
        "Size alone changes the winner from programs to natural language.",
        "share of pretraining seeds with which the smallest model ends in programs and the largest "
        "in text",
        AtLeast(0.5),
        _of_sizes("scale", _winner_changes),
    ),
    claim(
        "most_accurate_wins_small",
        "§3.4",
        "In the smallest models the winner is the format that is most accurate before RL.",
        "share of models of which most runs end so, programs that misread a relation, large "
        "numbers",
        AtLeast(0.5),
        _of_sizes("scale", lambda small, _: counted(most_accurate_wins, **AMBIGUOUS, **small)),
    ),
    claim(
        "most_accurate_wins_large",
        "§3.4",
        "In the largest models the winner is the format that is most accurate before RL.",
        "share of models of which most runs end so, same documents",
        AtLeast(0.5),
        _of_sizes("scale", lambda _, large: counted(most_accurate_wins, **AMBIGUOUS, **large)),
    ),
    claim(
        "larger_choose_less",
        "hone's own",
        "The larger the model, the less its gain is choosing formats, and the more working better.",
        "slope on the rank of size of what choosing gains beyond working better within formats, "
        "programs that misread a relation",
        AtMost(0.0),
        slope_of("scale", choosing_more, **AMBIGUOUS),
    ),
    claim(
        "size_at_equal_tokens",
        "§3.4",
        "With small numbers, too, size moves RL to natural language at as many tokens.",
        "share of text after RL in the largest models minus in the smallest, same documents",
        AtLeast(0.2),
        _more_text(AS_MANY_TOKENS),
    ),
    claim(
        "size_at_equal_tokens_and_rates",
        "hone's own",
        "With small numbers size does so at one learning rate of RL, too.",
        "the same, the largest at three times their learning rate, which is that of the smallest",
        AtLeast(0.2),
        _more_text(AS_MANY_TOKENS, rate=3),
    ),
    claim(
        "tokens_at_equal_size",
        "hone's own",
        "Reading three times as much moves RL to natural language, at the same size.",
        "share of text after RL of the smallest models, three times the documents minus once",
        AtLeast(0.2),
        _of_sizes("tokens", lambda small, _: difference(
            TEXT, {"documents": 3}, {"documents": 1}, experiment="tokens", **small)),
    ),
)  # fmt: skip
