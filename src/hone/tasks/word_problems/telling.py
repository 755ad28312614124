"""From arrays to words: every story's question, and its chain as a solver sees it."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hone.tasks.splits import Latent
from hone.tasks.word_problems.stories import OPERATIONS, Shape
from hone.tasks.word_problems.story import Step, Story
from hone.tasks.word_problems.wording import NAMES, NOUNS, Sentence, spelled

Ways = Mapping[str, tuple[Sentence, ...]]
"""The sentences that tell each relation."""


def told(latent: Latent, ways: Ways) -> list[Story]:
    """Every story in words."""
    return [_story(row, ways) for row in _rows(latent)]


def chains(latent: Latent) -> list[tuple[Step, ...]]:
    """Every story's chain alone, for whoever reads solutions: words take longer."""
    return [tuple(_step(row, node) for node in range(row["steps"] + 1)) for row in _rows(latent)]


def problem_ids(latent: Latent) -> Shaped[np.ndarray, " n"]:
    """Equal for stories that are told alike."""
    parts = [values.reshape(len(values), -1) for values in latent.values()]
    rows = np.concatenate([np.ascontiguousarray(part, dtype=np.float64) for part in parts], axis=1)
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=8).hexdigest() for row in rows])


def longest_story(shape: Shape, ways: Ways) -> Story:
    """One that no other is longer than: all sentences the longest, and all numbers too."""
    most = int("9" * len(str(shape.numbers.largest)))
    name, noun = NAMES[0], NOUNS[0]
    step = Step(name, noun, "fraction", most, most, name, name, most, most, most)

    def longest(relations: tuple[str, ...]) -> tuple[str, ...]:
        each = (_filled(way, step, noun) for relation in relations for way in ways[relation])
        return max(each, key=len)

    facts = longest((*shape.operations, "start")) * shape.nodes
    return Story((*facts, *longest(("asked",))), (step,) * (shape.high + 1))


def _rows(latent: Latent) -> Iterator[dict[str, Any]]:
    columns = {name: values.tolist() for name, values in latent.items()}
    for place in range(len(latent["steps"])):
        yield {name: values[place] for name, values in columns.items()}


def _story(row: dict[str, Any], ways: Ways) -> Story:
    nodes = [_step(row, node) for node in range(len(row["value"]))]
    there = [node for node, present in enumerate(row["present"]) if present]
    question: list[str] = []
    for node in sorted(there, key=row["rank"].__getitem__):
        way = ways[nodes[node].operation][row["wording"][node]]
        question += _filled(way, nodes[node], NOUNS[row["noun"][row["source"][node]]])
    last = nodes[row["steps"]]
    question += _filled(ways["asked"][row["asked"]], last, last.noun)
    return Story(tuple(question), tuple(nodes[: row["steps"] + 1]))


def _step(row: dict[str, Any], node: int) -> Step:
    operation = OPERATIONS[row["operation"][node]]
    source, other = row["source"][node], row["other"][node]
    together = operation == "together"
    return Step(
        name=NAMES[row["name"][node]],
        noun=NOUNS[row["noun"][node]],
        operation=operation,
        amount=row["amount"][node],
        per=row["per"][node],
        source=NAMES[row["name"][source]] if node else "",
        other=NAMES[row["name"][other]] if together else "",
        left=row["value"][source] if node else 0,
        right=row["value"][other] if together else 0,
        value=row["value"][node],
    )


def _filled(sentence: Sentence, step: Step, items: str) -> tuple[str, ...]:
    """A sentence's words with its fields filled in; `items` are what the source has."""
    fields = {
        "{name}": (step.name,),
        "{noun}": (step.noun,),
        "{items}": (items,),
        "{source}": (step.source,),
        "{other}": (step.other,),
        "{amount}": spelled(step.amount),
        "{per}": spelled(step.per),
    }
    return tuple(word for piece in sentence for word in fields.get(piece, (piece,)))
