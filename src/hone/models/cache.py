"""Keys and values of earlier tokens: `Prefix` for training, `Cache` for decoding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hone.core.errors import require

# Keys or values: of the new tokens, of all tokens so far, of all there is room for.
New = Float[Tensor, "rows kv_heads time head_dim"]
Held = Float[Tensor, "rows kv_heads columns head_dim"]
Buffer = Float[Tensor, "rows kv_heads capacity head_dim"]

BLOCK = 32  # columns


@runtime_checkable
class Past(Protocol):
    """What the decoder needs of earlier tokens; columns are shared by all rows."""

    @property
    def length(self) -> int:
        """Number of columns held, padding included."""
        ...

    @property
    def real(self) -> Bool[Tensor, "rows columns"] | None:
        """Which of them are real tokens; None if all are."""
        ...

    def room(self, time: int) -> int:
        """Told before all layers: the columns that `extend` will return for `time` new tokens."""
        ...

    def extend(self, layer: int, keys: New, values: New) -> tuple[Held, Held]:
        """The layer's earlier keys and values followed by the new ones, and maybe by zeros."""
        ...

    def advance(self, time: int, real: Bool[Tensor, "rows columns"] | None) -> None:
        """Told once after all layers: `time` new columns, and which of all columns are real."""
        ...


@dataclass(frozen=True)
class Prefix:
    """Keys and values of prompts as immutable tensors that gradients flow through."""

    keys: tuple[Held, ...]
    values: tuple[Held, ...]
    real: Bool[Tensor, "rows columns"] | None

    @property
    def length(self) -> int:
        return self.keys[0].shape[2]

    def select(self, rows: Int[Tensor, " picked"]) -> "Prefix":
        """The given rows, repeats allowed: a prompt computed once serves its whole group."""
        return Prefix(
            tuple(keys.index_select(0, rows) for keys in self.keys),
            tuple(values.index_select(0, rows) for values in self.values),
            None if self.real is None else self.real[rows],
        )

    def room(self, time: int) -> int:
        return self.length + time

    def extend(self, layer: int, keys: New, values: New) -> tuple[Held, Held]:
        return (
            torch.cat((self.keys[layer], keys), dim=2),
            torch.cat((self.values[layer], values), dim=2),
        )

    def advance(self, time: int, real: Bool[Tensor, "rows columns"] | None) -> None:
        """A prefix stays what it is, so that many continuations can share it."""


class Cache:
    """Buffers that decoding fills in place, a column a step; without gradients.

    All of a buffer is attended to, the columns that are not yet filled with weight zero: batched
    products of whole buffers take half the time of products of parts of them. So that little is
    attended to in vain, buffers grow by `BLOCK` columns at a time.
    """

    def __init__(
        self,
        keys: Sequence[Buffer],
        values: Sequence[Buffer],
        real: Bool[Tensor, "rows columns"] | None,
        length: int,
        limit: int,
    ) -> None:
        self.keys = list(keys)
        self.values = list(values)
        self.real = real
        self.length = length
        self.limit = limit

    @classmethod
    def from_prefix(cls, prefix: Prefix, rows: Int[Tensor, " picked"], time: int) -> "Cache":
        """A cache that holds the given rows of a prefix and may be continued by `time` tokens.

        Args:
            rows: rows of the prefix, repeats allowed.
            time: how many tokens there will be at most.
        """
        length, limit = prefix.length, prefix.length + time
        columns = min(limit, length + BLOCK)
        return cls(
            [_gather(keys.detach(), rows, length, columns) for keys in prefix.keys],
            [_gather(values.detach(), rows, length, columns) for values in prefix.values],
            None if prefix.real is None else prefix.real[rows],
            length,
            limit,
        )

    @property
    def capacity(self) -> int:
        """Number of columns there is room for, the prefix included."""
        return self.keys[0].shape[2]

    def select(self, rows: Int[Tensor, " picked"]) -> "Cache":
        """A cache of the given rows only: finished ones are dropped."""
        return Cache(
            [_gather(keys, rows, self.length, self.capacity) for keys in self.keys],
            [_gather(values, rows, self.length, self.capacity) for values in self.values],
            None if self.real is None else self.real[rows],
            self.length,
            self.limit,
        )

    def room(self, time: int) -> int:
        needed = self.length + time
        require(needed <= self.limit, "columns in the cache", needed, f"up to {self.limit}")
        if needed > self.capacity:
            more = min(self.limit, needed + BLOCK) - self.capacity
            self.keys = [F.pad(keys, (0, 0, 0, more)) for keys in self.keys]
            self.values = [F.pad(values, (0, 0, 0, more)) for values in self.values]
        return self.capacity

    def extend(self, layer: int, keys: New, values: New) -> tuple[Held, Held]:
        end = self.length + keys.shape[2]
        self.keys[layer][:, :, self.length : end] = keys
        self.values[layer][:, :, self.length : end] = values
        return self.keys[layer], self.values[layer]

    def advance(self, time: int, real: Bool[Tensor, "rows columns"] | None) -> None:
        self.length += time
        self.real = real


def _gather(
    source: Buffer, rows: Int[Tensor, " picked"], length: int, columns: int
) -> Float[Tensor, "picked kv_heads total head_dim"]:
    """Copies the first `length` columns of the given rows into a buffer of `columns` columns."""
    buffer = source.new_zeros(len(rows), source.shape[1], columns, source.shape[3])
    buffer[:, :, :length] = source[:, :, :length].index_select(0, rows)
    return buffer
