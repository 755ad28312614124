"""What tasks that are put to a language model have in common: they speak in the model's tokens."""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int8

from hone.core.contracts import Constraint
from hone.core.errors import UsageError
from hone.core.language_model import ModelTokens
from hone.core.sequences import Sequences
from hone.core.texts import Span, token_classes
from hone.core.vocabulary import PositionClass


def opened_with(tokens: ModelTokens, text: str) -> Constraint:
    """Responses that begin with a text, in the tokens that it is cut into."""
    opening = tokens.response(text)
    allowed = np.zeros((len(opening), len(tokens)), dtype=bool)
    allowed[np.arange(len(opening)), opening] = True
    return Constraint(allowed)


def classes_of(
    tokens: ModelTokens, responses: Sequences, spans: Iterable[Sequence[Span]]
) -> Int8[np.ndarray, "n time"]:
    """What every token of the responses does, by what its characters do."""
    classes = np.full(responses.tokens.shape, PositionClass.PAD, dtype=np.int8)
    for place, (row, each) in enumerate(zip(responses.lists(), spans, strict=True)):
        offsets = tokens.offsets(np.array(row, dtype=np.int64))
        classes[place, : len(row)] = token_classes(each, offsets)
    return classes


def require_room(task: str, what: str, key: str, most: int, rows: list[list[int]]) -> None:
    """Refuse prompts or solutions that are longer than the task's key allows.

    Raises:
        UsageError: naming the task, the longest and the key.
    """
    longest = max(map(len, rows), default=0)
    if longest > most:
        raise UsageError(
            f"{task}: a {what} of {longest} tokens; {key} is {most}: raise it to "
            f"{longest} or more, or use shorter problems"
        )
