"""Claims on what RL does to the formats it keeps, and without anything to be right about."""

from hone.measures import AtLeast, AtMost, Within
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.claims.rules import ALIKE, SLOWER, STILL, claim
from hone.studies.echo_chamber.measured.comparisons import (
    Credit,
    change_from,
    change_in_each,
    change_of,
    mean_of,
    mean_over_runs,
)
from hone.studies.echo_chamber.measured.endings import wins
from hone.studies.echo_chamber.measured.formats import agreed, of_format, of_winner, right
from hone.studies.echo_chamber.measured.gain import (
    choosing,
    choosing_more,
    known_from_problems,
    refining,
)
from hone.studies.echo_chamber.measured.likelihood import invented, likelier, typical
from hone.studies.echo_chamber.measured.selection import FREE, GENTLE, STYLES, STYLES_GENTLY


def _likelier_within(run: Results) -> float:
    return likelier(run, within=True)


LIKELY = tuple(
    claim(
        f"becomes_likelier_{id}",
        "§10 of the specification",
        f"What RL comes to sample was likelier before it than what was sampled then{where}.",
        f"nats a token under the pretrained model, last round minus first, {arm}",
        AtLeast(0.0),
        mean_over_runs(value, **factors),
        unit="nats",
    )
    for id, where, arm, value, factors in (
        ("free", "", "balanced mixture, β = 0", likelier, FREE),
        ("gently", f", also at {SLOWER}", f"the same at {SLOWER}", likelier, GENTLE),
        ("within", ", within the format that wins",
         "balanced mixture, β = 0, in the format that wins", _likelier_within, FREE),
        ("restrained", ", under a penalty", "balanced mixture, β = 0.5", likelier,
         {"experiment": "collapse", "kl": 0.5}),
        ("styles", ", within one format", "programs in two styles", likelier, STYLES),
        ("styles_gently", f", within one format and at {SLOWER}",
         f"programs in two styles, {SLOWER}", likelier, STYLES_GENTLY),
    )
)  # fmt: skip

TYPICAL = tuple(
    claim(
        f"stays_likely_{id}",
        "§10 of the specification",
        f"What RL comes to sample stays among what is sampled before it{where}.",
        "share of the last round's responses that are as likely under the pretrained model as all "
        f"but 5 % of the first round's, {arm}",
        AtLeast(0.9),
        mean_over_runs(typical, None, (0.0, 1.0), **factors),
    )
    for id, where, arm, factors in (
        ("free", "", "balanced mixture, β = 0", FREE),
        ("gently", f", also at {SLOWER}", f"the same at {SLOWER}", GENTLE),
        ("styles", ", within one format", "programs in two styles", STYLES),
    )
)

NAMES_DRIFT = tuple(
    claim(
        f"names_{id}",
        "hone's own",
        statement,
        "share of programs with a name that their problem does not have, after RL minus before, "
        f"balanced mixture, {arm}",
        region,
        change_in_each(invented, **factors),
    )
    for id, statement, arm, region, factors in (
        ("drift", "What no reward looks at drifts, such as the names in programs.", "β = 0",
         AtLeast(STILL), FREE),
        ("drift_gently", f"Names in programs drift at {SLOWER}, too.", SLOWER,
         AtLeast(STILL), GENTLE),
        ("are_kept", "A penalty of 0.1 keeps names as they are.", "β = 0.1", AtMost(STILL),
         {"experiment": "collapse", "kl": 0.1}),
    )
)  # fmt: skip

WITHIN = (
    claim(
        "one_style",
        "§3.3, Fig. 6",
        "Within one format RL settles on one style.",
        "largest share of a style of program after RL",
        AtLeast(0.95),
        mean_of(of_winner, **STYLES),
    ),
    claim(
        "style_gains_nothing",
        "§13.6 of the specification",
        "Settling on one style gains nothing by itself.",
        "gain by choosing it at the accuracies before RL, programs in two styles",
        Within(-ALIKE, ALIKE),
        mean_over_runs(choosing, known_from_problems, **STYLES),
    ),
    *(
        claim(
            f"still_better{suffix}",
            "§3.3, Fig. 6",
            f"RL within one format still makes greedy programs more accurate{where}.",
            f"greedy accuracy after RL minus before, programs in two styles{arm}",
            AtLeast(STILL),
            change_of(right, GREEDY, **factors),
        )
        for suffix, where, arm, factors in (
            ("", "", "", STYLES),
            ("_gently", f", also at {SLOWER}", f", {SLOWER}", STYLES_GENTLY),
        )
    ),
)


def _of_the_winner(run: Results) -> Credit:
    """Credit for the format that the run ends in."""
    return of_format(wins(run))


_NEVER = (
    (
        "",
        "Where no format is right but by coincidence,",
        "formats that misread every relation",
        "never right",
    ),
    ("_without_formats", "Where no format was read,", "background alone", "no format"),
)

CONTROLS = (
    *(
        claim(
            f"nothing_moves{suffix}",
            "independent replication",
            f"{where} RL makes nothing more accurate.",
            f"accuracy after RL minus before, {what}",
            Within(-STILL, STILL),
            change_of(right, experiment="controls", mixture=mixture),
        )
        for suffix, where, what, mixture in _NEVER
    ),
    *(
        claim(
            f"no_format_moves{suffix}",
            "independent replication",
            f"{where} RL moves none.",
            f"share of the format that ends as the most frequent, after RL minus before, {what}",
            AtMost(0.1),
            change_in_each(_of_the_winner, experiment="controls", mixture=mixture),
        )
        for suffix, where, what, mixture in _NEVER
    ),
    *(
        claim(
            f"no_gain_from_{reward}",
            "hone's own control",
            f"A {reward} reward makes nothing more accurate.",
            f"accuracy after RL minus before, balanced mixture, {reward} reward",
            AtMost(STILL),
            change_of(right, experiment="controls", reward=reward),
        )
        for reward in ("format", "coin")
    ),
    claim(
        "majority_is_the_most",
        "hone's own control",
        "A majority reward makes samples no better than their majority was.",
        "accuracy after RL minus majority@k before, balanced mixture, majority reward",
        AtMost(STILL),
        change_from(agreed, right, experiment="controls", reward="majority"),
    ),
    *(
        claim(
            f"collapse_without_answers_{reward}",
            "hone's own control",
            f"A {reward} reward brings a collapse all the same.",
            f"largest share of a format after RL, balanced mixture, {reward} reward",
            AtLeast(0.9),
            mean_of(of_winner, experiment="controls", reward=reward),
        )
        for reward in ("majority", "format", "coin")
    ),
)

PARTS = (
    claim(
        "selection_is_more",
        "and Select and Improve (arXiv 2606.13125)",
        "More of the gain is choosing a format than working better within one.",
        "Σ Δs·a before RL and Δ Σ s·(a - f) minus Σ s·Δa after it; forced accuracies f, balanced "
        "mixture, β = 0",
        AtLeast(0.0),
        mean_over_runs(choosing_more, known_from_problems, **FREE),
    ),
    claim(
        "the_winner_is_refined",
        "§3.3",
        "RL refines the format that wins, too.",
        "Σ s·Δa with the shares after RL; forced accuracies, balanced mixture, β = 0",
        AtLeast(STILL),
        mean_over_runs(refining, known_from_problems, **FREE),
    ),
)

WITHIN_FORMATS = (*LIKELY, *TYPICAL, *NAMES_DRIFT, *WITHIN, *CONTROLS, *PARTS)
