"""What a task's tokens are: a finite set of symbols, or those of a language model's tokenizer."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from hone.core.errors import require


@runtime_checkable
class Vocabulary(Protocol):
    """The tokens of prompts and responses."""

    def __len__(self) -> int: ...
    def __hash__(self) -> int: ...

    @property
    def end(self) -> int:
        """The id that ends a response."""
        ...

    @property
    def padding(self) -> int:
        """The id that only fills arrays."""
        ...

    def text(self, tokens: np.ndarray) -> str:
        """What one row of token ids says."""
        ...


@dataclass(frozen=True)
class Alphabet:
    """Symbols in the order of their token ids; `eos` ends a response, `pad` only fills arrays.

    Attributes:
        joiner: what stands between symbols in texts: a space, or nothing where symbols have theirs.
    """

    symbols: tuple[str, ...]
    eos: str
    pad: str
    joiner: Literal[" ", ""] = " "

    def __post_init__(self) -> None:
        require(len(set(self.symbols)) == len(self.symbols), "symbols", self.symbols, "no repeats")
        for special in (self.eos, self.pad):
            require(special in self.symbols, "special symbol", special, f"one of {self.symbols}")

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def end(self) -> int:
        return self.id(self.eos)

    @property
    def padding(self) -> int:
        return self.id(self.pad)

    def id(self, symbol: str) -> int:
        return self.symbols.index(symbol)

    def text(self, tokens: np.ndarray) -> str:
        """The symbols of one row of token ids, joined."""
        return self.joiner.join([self.symbols[token] for token in tokens])
