"""Texts of other people's data sets, to pretrain on."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt64

from hone.core.contracts import Documents, Split
from hone.core.errors import DamagedFile, UsageError, require
from hone.core.language_model import ModelTokens
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.tasks.maths.rows import QUESTIONS
from hone.tasks.maths.speaking import bare
from hone.tasks.maths.tables import Table, absolute, column, open_table, value

SOLUTIONS = ("solution", "generated_solution", "code", "answer")
_WHERE = {"semantic": False}
_BLANK_LINE = "\n\n"
_HELD_OUT = 0.02  # share of the documents


@dataclass(frozen=True)
class Texts:
    """Documents of a data set, wherever it lies: equal digests, equal texts. Made by `texts_of`.

    Attributes:
        digest: of the texts.
        documents: how many there are.
        columns: whose texts, put together with blank lines between, are a document.
        path: of the data; see `tables.open_table`.
        split: of it.
        config: of it.
    """

    digest: str
    documents: int
    columns: tuple[str, ...] = field(compare=False, metadata=_WHERE)
    path: str = field(compare=False, metadata=_WHERE)
    split: str = field(default="", compare=False, metadata=_WHERE)
    config: str = field(default="", compare=False, metadata=_WHERE)


@dataclass(frozen=True)
class TextSource:
    """Documents of one kind.

    Attributes:
        name: of the kind.
        texts: that there are.
        weight: its share of the documents that are drawn.
    """

    name: str
    texts: Texts
    weight: float

    def __post_init__(self) -> None:
        require(self.weight > 0, "weight", self.weight, "a number above 0")


@dataclass(frozen=True)
class TextCorpus:
    """A mixture of texts in a language model's tokens; a hash of a document decides its split.

    A document ends with the end token. One that is longer than `context` is cut, each piece
    beginning with the token that the last one ended with, so that all tokens but the first are
    predicted once; whenever it is drawn, one of its pieces is.

    Attributes:
        tokens: of the model.
        context: tokens of a piece, at most.
        sources: of the documents; weights sum to 1.
    """

    tokens: ModelTokens
    context: int
    sources: tuple[TextSource, ...]

    def __post_init__(self) -> None:
        require(self.context >= 2, "context", self.context, "2 or more")
        total = sum(source.weight for source in self.sources)
        require(abs(total - 1) < 1e-9, "sources", self.names, "weights that sum to 1")
        require(len(set(self.names)) == len(self.names), "sources", self.names, "each once")

    @property
    def alphabet(self) -> ModelTokens:
        return self.tokens

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)

    @property
    def max_tokens(self) -> int:
        return self.context

    def documents(
        self, split: Split, numbers: Int[np.ndarray, " documents"], stream: Stream
    ) -> Documents:
        """Documents or pieces of such, each of a source drawn by weight.

        Raises:
            DamagedFile: the texts are not what they were.
        """
        weights = [source.weight for source in self.sources]
        drawn = stream.child("source").choice(weights, numbers)
        where = stream.child("document").uniform(numbers)
        pieces = stream.child("piece").uniform(numbers)
        texts = [
            self._text(source, split, place) for source, place in zip(drawn, where, strict=True)
        ]
        tokens = [self._piece(text, place) for text, place in zip(texts, pieces, strict=True)]
        return Documents(pack(tokens), np.array(self.names)[drawn])

    def _text(self, source: int | np.integer, split: Split, place: float) -> tuple[str, ...]:
        """The document of a source that lies at a place in [0, 1)."""
        library = _library(self.sources[source].texts)
        members = library.members[split]
        return _parts(library.table[int(members[int(place * len(members))])], library.columns)

    def _piece(self, text: tuple[str, ...], place: float) -> list[int]:
        """One piece of a document; questions are cut into tokens as they are in prompts."""
        *prompts, last = text
        opening = "".join(f"{each}{_BLANK_LINE}" for each in prompts)
        tokens = [*bare(self.tokens, opening), *self.tokens.response(last), self.tokens.end]
        step = self.context - 1
        start = step * int(place * -(-(len(tokens) - 1) // step))
        return tokens[start : start + self.context]


def texts_of(
    path: str | Path, split: str = "", config: str = "", columns: tuple[str, ...] = ()
) -> Texts:
    """The documents of a file or data set; rows without any text are left out.

    Args:
        path: a .jsonl, .json or .parquet file, a folder that `datasets` reads, or a hub name.
        split: which of several there are.
        config: of a data set of the hub that has several.
        columns: of a document's parts, in order. Usually `text`, or a question and a solution.

    Raises:
        UsageError: there is no such file or column, or there are too few documents.
        DamagedFile: it cannot be read.
    """
    place = absolute(path)
    table = open_table(place, split, config)
    found = _columns(place, table.column_names, columns)
    places, hashes = _hashes(table, found)
    if any(len(members) == 0 for members in _members(places, hashes).values()):
        raise UsageError(
            f"{place} has {len(places)} documents, of which a hash holds out none, or all; "
            "use a hundred or more"
        )
    return Texts(_digest(hashes), len(places), found, place, split, config)


def by_repeats(texts: Mapping[str, tuple[Texts, int]]) -> tuple[TextSource, ...]:
    """Sources by how often each is read for every time that the others are, e.g. 8 for "8x"."""
    sizes = {name: each.documents * times for name, (each, times) in texts.items()}
    total = sum(sizes.values())
    return tuple(TextSource(name, texts[name][0], size / total) for name, size in sizes.items())


class _Library(NamedTuple):
    """The rows of a data set, what is read of them, and which of them are in which split."""

    table: Table
    columns: tuple[str, ...]
    members: dict[Split, np.ndarray]


@lru_cache(maxsize=32)
def _library(texts: Texts) -> _Library:
    table = open_table(texts.path, texts.split, texts.config)
    places, hashes = _hashes(table, texts.columns)
    if _digest(hashes) != texts.digest:
        raise DamagedFile(f"{texts.path} has changed since it was planned with; plan the run again")
    return _Library(table, texts.columns, _members(places, hashes))


def _columns(path: str, names: list[str], asked: tuple[str, ...]) -> tuple[str, ...]:
    if asked:
        return tuple(column(path, names, each, ()) for each in asked)
    text = column(path, names, "", ("text",))
    if text:
        return (text,)
    found = column(path, names, "", QUESTIONS), column(path, names, "", SOLUTIONS)
    if not all(found):
        raise UsageError(
            f"{path} has no column text, nor a question and a solution, but {', '.join(names)}; "
            "name those of a document's parts with columns=(...)"
        )
    return found


def _hashes(
    table: Table, columns: tuple[str, ...]
) -> tuple[Int[np.ndarray, " n"], UInt64[np.ndarray, " n"]]:
    """Rows that have a text, and a hash of each text; 16 bytes a row are all that is kept."""
    kind = np.dtype([("place", np.int64), ("hash", np.uint64)])
    found = np.fromiter(_hashed(table, columns), dtype=kind)
    return found["place"], found["hash"]


def _hashed(table: Table, columns: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    for place, row in enumerate(table):
        parts = _parts(row, columns)
        if any(parts):
            text = "\0".join(parts).encode(errors="surrogatepass")
            digest = hashlib.blake2b(text, digest_size=8).digest()
            yield place, int.from_bytes(digest, "little")


def _parts(row: dict, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value(row, name) for name in columns)


def _digest(hashes: UInt64[np.ndarray, " n"]) -> str:
    return hashlib.sha256(hashes.astype("<u8").tobytes()).hexdigest()[:20]


def _members(
    places: Int[np.ndarray, " n"], hashes: UInt64[np.ndarray, " n"]
) -> dict[Split, Int[np.ndarray, " rows"]]:
    held_out = hashes < np.uint64(_HELD_OUT * 2**64)
    return {"train": places[~held_out], "validation": places[held_out]}
