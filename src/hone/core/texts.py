"""Problems and responses as strings: what a rendering is, and whose a tokenizer's tokens are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, Int8, Shaped

from hone.core.contracts import Problems
from hone.core.vocabulary import PositionClass


class Span(NamedTuple):
    """The characters `start … end - 1` of a response, and what they do."""

    start: int
    end: int
    position: PositionClass


@dataclass(frozen=True)
class TextReading:
    """What is read in responses that are text: a `Reading` whose classes are of characters."""

    answers: Shaped[np.ndarray, " n"]  # str; "" where there is none
    grades: Shaped[np.ndarray, " n"]  # str, values of Grade
    reasons: Shaped[np.ndarray, " n"]  # str, values of Reason
    strategies: Shaped[np.ndarray, " n"]  # str; OTHER where no form fits
    steps_correct: Int[np.ndarray, " n"]  # leading correct steps
    steps: Int[np.ndarray, " n"]  # there are in a whole solution
    spans: list[list[Span]]  # of each text, in order, disjoint


@dataclass(frozen=True)
class Rendering:
    """A way to write problems and solutions down, and to read responses that are written so.

    Attributes:
        prompts: one string a problem.
        demonstrations: a correct response to each problem in the named strategy.
        read: responses, one a problem, and which of them were not cut off.
        openings: what solutions in a strategy begin with, and no others, by strategy.
    """

    prompts: Callable[[Problems], list[str]]
    demonstrations: Callable[[Problems, str], list[str]]
    read: Callable[[Problems, Sequence[str], Bool[np.ndarray, " n"]], TextReading]
    openings: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class HasText(Protocol):
    """A task whose problems can be put to a language model in words."""

    @property
    def text(self) -> Rendering: ...


def token_classes(
    spans: Sequence[Span], offsets: Int[np.ndarray, "time 2"]
) -> Int8[np.ndarray, " time"]:
    """The class of every token of one response, by its last character.

    The last, because byte-level tokenizers put the space before a word into its token.

    Args:
        spans: of the response, in order, disjoint.
        offsets: first character and one past the last of every token, as fast tokenizers of
            Hugging Face return them. A token without characters is a special one and ends the
            response; padding is the caller's to tell.
    """
    classes = np.array([*(span.position for span in spans), PositionClass.END], dtype=np.int8)
    starts, ends = np.asarray(offsets).T
    found = np.searchsorted([span.end for span in spans], ends - 1, side="right")
    return classes[np.where(ends > starts, found, len(spans))]
