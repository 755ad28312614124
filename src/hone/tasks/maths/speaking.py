"""How a language model's tokens are used without a chat: bare texts, as in pretraining."""

from functools import lru_cache

import numpy as np

from hone.core.language_model import ModelTokens


def bare(tokens: ModelTokens, text: str) -> list[int]:
    """The tokens of a text, after those that the tokenizer puts before any text."""
    return [*(_opening(tokens) or ()), *tokens.response(text)]


def has_chat(tokens: ModelTokens) -> bool:
    """Whether the model is spoken to in turns of a chat."""
    return _opening(tokens) is None


@lru_cache(maxsize=16)
def _opening(tokens: ModelTokens) -> tuple[int, ...] | None:
    """What stands before a text, e.g. a `<s>`; None where a chat template does.

    An empty prompt tells: without a template it is a line's end after what opens all texts.
    """
    prompt = tokens.prompt("")
    if tokens.text(np.array(prompt)) != "\n":
        return None
    return tuple(prompt[: len(prompt) - len(tokens.response("\n"))])
