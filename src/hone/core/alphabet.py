"""A finite set of symbols, for tasks whose tokens are symbols rather than text."""

from dataclasses import dataclass

import numpy as np

from hone.core.errors import require


@dataclass(frozen=True)
class Alphabet:
    """Symbols in the order of their token ids; `eos` ends a response, `pad` only fills arrays."""

    symbols: tuple[str, ...]
    eos: str
    pad: str

    def __post_init__(self) -> None:
        require(len(set(self.symbols)) == len(self.symbols), "symbols", self.symbols, "no repeats")
        for special in (self.eos, self.pad):
            require(special in self.symbols, "special symbol", special, f"one of {self.symbols}")

    def __len__(self) -> int:
        return len(self.symbols)

    def id(self, symbol: str) -> int:
        return self.symbols.index(symbol)

    def text(self, tokens: np.ndarray) -> str:
        """Symbols of one row of token ids, joined by spaces."""
        return " ".join(self.symbols[token] for token in tokens)
