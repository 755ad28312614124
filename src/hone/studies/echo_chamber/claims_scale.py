"""Claims on scale: what the size of a model, and how much it has read, changes."""

from hone.measures import AtLeast, AtMost, Estimate
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.claims import claim
from hone.studies.echo_chamber.mixtures import MISREAD
from hone.studies.echo_chamber.runs import (
    counted,
    difference,
    models_of,
    mostly,
    share_of_models,
    slope_of,
    trend_over,
)
from hone.studies.echo_chamber.statistics import (
    choosing_more,
    ends_in,
    most_accurate_wins,
    of_format,
)

AMBIGUOUS: dict[str, Factor] = {"experiment": "scale", "mixture": MISREAD, "rate": 1}
ALL_ALIKE: dict[str, Factor] = {"experiment": "scale", "mixture": "balanced", "rate": 1}
SMALL, LARGE = {"scale": 0.1}, {"scale": 1.0}
TEXT = of_format("text")


def _winner_changes(results: Results) -> Estimate | None:
    """The share of seeds with which small models end in programs and large ones in text."""
    small, large = (results.select(**AMBIGUOUS, **size) for size in (SMALL, LARGE))
    if not (len(small) and len(large)):
        return None
    models = models_of(small)
    return share_of_models(
        [
            mostly(ends_in("program"), small.select(base=each))
            and mostly(ends_in("text"), large.select(base=each))
            for each in models
        ],
        models,
    )


SCALE = (
    claim(
        "small_ends_in_programs",
        "§3.4, Fig. 7",
        "A small model ends in programs.",
        "share of models of which most runs end so, 0.1 M parameters, programs that misread a "
        "relation, large numbers",
        AtLeast(0.5),
        counted(ends_in("program"), **AMBIGUOUS, **SMALL),
    ),
    claim(
        "large_ends_in_text",
        "§3.4, Fig. 7",
        "A large model that has read as many tokens ends in natural language.",
        "share of models of which most runs end so, 1 M parameters, same documents",
        AtLeast(0.5),
        counted(ends_in("text"), **AMBIGUOUS, **LARGE),
    ),
    claim(
        "scale_moves_to_text",
        "§3.4, Fig. 7",
        "Scale moves RL towards natural language.",
        "share of text after RL with 1 M parameters minus with 0.1 M, same documents",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, **AMBIGUOUS),
    ),
    claim(
        "scale_at_equal_rates",
        "hone's own",
        "Scale moves RL towards natural language at one learning rate of RL, too.",
        "the same, 1 M parameters at the learning rate that 0.1 M has",
        AtLeast(0.2),
        difference(TEXT, {**LARGE, "rate": 3}, SMALL, **AMBIGUOUS),
    ),
    claim(
        "scale_alone",
        "§3.4",
        "Scale moves RL towards natural language where programs misread nothing, too.",
        "share of text after RL with 1 M parameters minus with 0.1 M, balanced mixture",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, **ALL_ALIKE),
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
        "share of pretraining seeds with which 0.1 M ends in programs and 1 M in text",
        AtLeast(0.5),
        _winner_changes,
    ),
    *(
        claim(
            f"most_accurate_wins_{id}",
            "§3.4",
            f"With {size['scale']:g} M parameters the winner is the format that is most accurate "
            "before RL.",
            "share of models of which most runs end so, programs that misread a relation, large "
            "numbers",
            AtLeast(0.5),
            counted(most_accurate_wins, **AMBIGUOUS, **size),
        )
        for id, size in (("small", SMALL), ("large", LARGE))
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
        "share of text after RL with 1 M parameters minus with 0.1 M, same documents",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, experiment="tokens", documents=1, rate=1),
    ),
    claim(
        "size_at_equal_tokens_and_rates",
        "hone's own",
        "So it does at one learning rate of RL.",
        "the same, 1 M parameters at the learning rate that 0.1 M has",
        AtLeast(0.2),
        difference(
            TEXT, {**LARGE, "rate": 3}, {**SMALL, "rate": 1}, experiment="tokens", documents=1
        ),
    ),
    claim(
        "tokens_at_equal_size",
        "hone's own",
        "So does reading three times as much, at the same size.",
        "share of text after RL of 0.1 M parameters, three times the documents minus once",
        AtLeast(0.2),
        difference(TEXT, {"documents": 3}, {"documents": 1}, experiment="tokens", **SMALL),
    ),
)
