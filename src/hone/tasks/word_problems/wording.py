"""How a story is told: sentences, and the words they are made of.

A word carries the spaces around it, so that the words of a text, put together, are the text. The
`unseen` wordings are made of the same words in sentences that no other wording has.
"""

import re
from collections.abc import Iterable
from typing import Literal

Wording = Literal["seen", "unseen"]

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kim", "Leo")
NOUNS = ("apples", "books", "cards", "coins", "pens", "shells")
DIGITS = (*"0123456789", "-")
SEPARATOR = "\n\n"
BACKGROUND_WORDS = (" = ", " + ", ". ", "\n")
"""Of texts that are not problems, beside names and digits."""

SENTENCES: dict[str, tuple[str, ...]] = {
    "start": (
        "{name} has {amount} {noun}. ",
        "{name} owns {amount} {noun}. ",
        "There are {amount} {noun} that {name} has. ",
    ),
    "more": (
        "{name} has {amount} more {noun} than {source}. ",
        "{name} owns as many {noun} as {source} and {amount} more. ",
        "Compared with {source}, {name} has {amount} more {noun}. ",
    ),
    "fewer": (
        "{name} has {amount} fewer {noun} than {source}. ",
        "{name} owns as many {noun} as {source} but {amount} fewer. ",
        "Compared with {source}, {name} has {amount} fewer {noun}. ",
    ),
    "times": (
        "{name} has {amount} times as many {noun} as {source}. ",
        "{name} owns {amount} times what {source} has. ",
        "Compared with {source}, {name} has {amount} times as many {noun}. ",
    ),
    "part": (
        "{name} has 1/{per} as many {noun} as {source}. ",
        "{name} owns 1/{per} of what {source} has. ",
        "Compared with {source}, {name} has 1/{per} as many {noun}. ",
    ),
    "fraction": (
        "{name} has {amount}/{per} as many {noun} as {source}. ",
        "{name} owns {amount}/{per} of what {source} has. ",
        "{name} has {amount} of every {per} {noun} that {source} has. ",
    ),
    "rate": (
        "{name} gets {amount} {noun} for each of the {items} of {source}. ",
        "{name} has {amount} {noun} for every one of the {items} of {source}. ",
        "Each of the {items} of {source} brings {name} {amount} {noun}. ",
    ),
    "together": (
        "{name} has as many {noun} as {source} and {other} together. ",
        "{name} owns the {noun} of {source} and {other} together. ",
        "There are as many {noun} that {name} has as {source} and {other} have together. ",
    ),
    "asked": (
        "How many {noun} does {name} have?",
        "How many {noun} are there that {name} has?",
        "{name} has how many {noun}?",
    ),
}
"""Every relation in three ways; the last is the question."""

UNSEEN: dict[str, tuple[str, ...]] = {
    "start": ("{amount} {noun} are there that {name} has. ",),
    "more": ("{name} owns {amount} more {noun} than {source} has. ",),
    "fewer": ("{name} owns {amount} fewer {noun} than {source} has. ",),
    "times": ("{name} owns {amount} times as many {noun} as {source}. ",),
    "part": ("{name} owns 1/{per} as many {noun} as {source} has. ",),
    "fraction": ("{name} owns {amount}/{per} as many {noun} as {source} has. ",),
    "rate": ("{name} owns {amount} {noun} for each of the {items} that {source} has. ",),
    "together": ("{name} owns as many {noun} as {source} and {other} have together. ",),
    "asked": ("How many {noun} has {name}?",),
}
"""The same words in sentences that training does not have."""

Sentence = tuple[str, ...]
"""Words, and fields in braces that are to be filled."""


def parsed(template: str) -> Sentence:
    """A template's words and fields; a word has the space after it, the first one that before."""
    pieces = re.split(r"(\{\w+\})", template)
    return tuple(word for piece in pieces for word in _words(piece))


def _words(piece: str) -> list[str]:
    if piece.startswith("{"):
        return [piece]
    return re.findall(r"\d|/| ?[^ \d/]+ ?| ", piece)


def sentences(wording: Wording) -> dict[str, tuple[Sentence, ...]]:
    """Every relation's sentences, ready to be filled."""
    chosen = SENTENCES if wording == "seen" else UNSEEN
    return {name: tuple(map(parsed, ways)) for name, ways in chosen.items()}


def words(operations: Iterable[str]) -> list[str]:
    """All words of problems that have these operations, in an order of their own."""
    told = [*operations, "start", "asked"]
    of_sentences = {
        word
        for name in told
        for template in (*SENTENCES[name], *UNSEEN[name])
        for word in parsed(template)
        if not word.startswith("{")
    }
    return [
        *NAMES,
        *NOUNS,
        *DIGITS,
        SEPARATOR,
        *BACKGROUND_WORDS,
        *sorted(of_sentences - set(DIGITS)),
    ]


def spelled(number: int) -> tuple[str, ...]:
    """A number's words: its digits, after a sign where it is negative."""
    return tuple(str(number))
