"""What a model reads before RL: shares of formats in its documents, by name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hone.tasks.word_problems.corpus import ARITHMETIC, BACKGROUND, Source
from hone.tasks.word_problems.formats import FORMATS, PROGRAM, Program
from hone.tasks.word_problems.story import Format

DOCUMENTED = Program("documented", documented=True)


@dataclass(frozen=True)
class Mixture:
    """What a model reads: sources, by weight, and the formats that their words make up."""

    sources: tuple[Source, ...]
    formats: tuple[Format, ...] = FORMATS


Misread = Sequence[tuple[str, ...]]
"""The relations that programs, tagged code and text always get wrong, in this order."""
WRONG = ("fewer", "times")
"""Relations that tagged documents always get wrong. Without, tagged code is as accurate as a
program, as both let the interpreter calculate; between equals RL does not choose. And what is wrong
now and then RL weeds out (a format with 30 % of such documents ended as the most accurate)."""
SOUND: Misread = ((), (), ())
"""Nothing misread."""


def mixed(
    program: float,
    tagged: float,
    text: float,
    misread: Misread = ((), WRONG, ()),
) -> Mixture:
    """Shares of the three formats, the rest background; what each of them always gets wrong."""
    shares = tuple(
        Source(name, weight, miscoded=relations)
        for name, weight, relations in zip(
            ("program", "tagged", "text"), (program, tagged, text), misread, strict=True
        )
    )
    rest = 1 - program - tagged - text
    return Mixture((*shares, Source(BACKGROUND, rest)))


_CROSSOVER, _UNFAVOURABLE = (0.20, 0.45, 0.07), (0.02, 0.66, 0.04)
"""Shares of program, tagged and text."""


def towards_unfavourable(part: float) -> Mixture:
    """Shares on the way from those of the crossover (M1), at 0, to unfavourable ones (M2), at 1."""
    program, tagged, text = (
        (1 - part) * near + part * far for near, far in zip(_CROSSOVER, _UNFAVOURABLE, strict=True)
    )
    return mixed(program, tagged, text)


def named(mixture: Mixture) -> str:
    """What share of documents are programs, and tagged code."""
    program, tagged, *_ = mixture.sources
    return f"{program.weight:.0%} programs, {tagged.weight:.0%} tagged"


MISREAD = "times is misread"
"""The mixture whose programs have an error that neither size nor sharpening removes."""
MIXTURES: dict[str, Mixture] = {
    "balanced": mixed(0.28, 0.28, 0.28),
    "all sound": mixed(0.28, 0.28, 0.28, SOUND),
    "never right": mixed(0.28, 0.28, 0.28, 3 * ((*WRONG, "more"),)),
    "no format": Mixture((Source(BACKGROUND, 1.0),)),
    MISREAD: mixed(0.33, 0.10, 0.33, (("times",), WRONG, ())),
    "two styles": Mixture(
        (
            Source("program", 0.63, wrong=0.1),
            Source("documented", 0.27, wrong=0.1),
            Source(BACKGROUND, 0.1),
        ),
        (PROGRAM, DOCUMENTED),
    ),
}
"""By name. Those of §13.3 of the reproduction's specification: M0 with tagged code made worse, and
as it is there; M7 with formats, none of which is ever right, and as it is there; M5, but for
tagged code, the errors being of programs as well; M4.
"""


def drilled(mixture: Mixture) -> Mixture:
    """Arithmetic in place of half of the background.

    Text, the one format that calculates by itself, is learned with large numbers by no size
    otherwise: 5 % of it was right with a million parameters. With arithmetic for all of the
    background a tenth of that size learned no programs.
    """
    *formats, background = mixture.sources
    half = replace(background, weight=background.weight / 2)
    return replace(mixture, sources=(*formats, half, replace(half, format=ARITHMETIC)))


def with_hard(format: str) -> Mixture:
    """Three formats alike, and a tenth of documents about hard problems, all in one format (M6).

    All of them are right: what always misreads relations can answer hardly a longer problem.
    """
    *formats, background = mixed(0.25, 0.25, 0.25, SOUND).sources
    tenth = Source(format, 0.1, hard=True)
    return Mixture((*formats, tenth, replace(background, weight=background.weight - 0.1)))


_MORE = 0.25 + 0.1 / 3
WITHOUT_HARD = mixed(_MORE, _MORE, _MORE, SOUND)
"""As many documents about problems, none of them hard."""


READ_ONCE = 0.05
"""Share of programs among the documents where each of them is read once."""


def repeated(times: int, documents: int, fresh: bool = False) -> Mixture:
    """The same programs read `times` times, as much text, and background instead of repeats (M3).

    Args:
        times: how often each program is read.
        documents: that the model reads in all.
        fresh: as many others instead of the same ones again.
    """
    distinct = None if fresh else round(READ_ONCE * documents)
    programs = Source("program", times * READ_ONCE, distinct=distinct)
    return Mixture((programs, Source("text", 0.1), Source(BACKGROUND, 0.9 - times * READ_ONCE)))


def added(times: int, documents: int) -> Mixture:
    """The same programs read `times` times beside all else, as the paper adds them (§3).

    Args:
        documents: that the model reads in all where `times` is 1; else `growth(times)` as many.
    """
    others = repeated(1, documents)
    weights = (times * READ_ONCE, *(source.weight for source in others.sources[1:]))
    return Mixture(tuple(
        replace(source, weight=weight / growth(times))
        for source, weight in zip(others.sources, weights, strict=True)
    ))  # fmt: skip


def growth(times: int) -> float:
    """Documents where programs are read `times` times beside all else, over those of one time."""
    return 1 + (times - 1) * READ_ONCE
