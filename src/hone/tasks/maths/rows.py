"""Problems with worked solutions and answers, as GSM8K, MATH and AIME have them."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hone.core.errors import DamagedFile, UsageError
from hone.tasks.maths.answers import MARK, marked_span
from hone.tasks.maths.tables import absolute, column, open_table, value

QUESTIONS = ("problem", "question")
_WHERE = {"semantic": False}


class Row(NamedTuple):
    """A problem; "" stands for what a data set does not have."""

    question: str
    solution: str
    answer: str
    kind: str  # its subject
    level: int  # how difficult it is: MATH's levels, GSM8K's lines; 0 where nobody knows


@dataclass(frozen=True)
class Columns:
    """Names of columns; "" for the usual ones.

    Attributes:
        question: `problem` or `question`.
        solution: `solution`. Without one it is the answer, where that ends in GSM8K's `#### 72`.
        answer: `answer`. Without one it is what the solution has in its last box.
    """

    question: str = ""
    solution: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Rows:
    """Rows of a data set, wherever it lies: equal digests, equal rows. Made by `rows_of`.

    Attributes:
        digest: of the rows.
        path: of the data; see `tables.open_table`.
        split: of it.
        config: of it.
        columns: that are read.
    """

    digest: str
    path: str = field(compare=False, metadata=_WHERE)
    split: str = field(default="", compare=False, metadata=_WHERE)
    config: str = field(default="", compare=False, metadata=_WHERE)
    columns: Columns = field(default_factory=Columns, compare=False, metadata=_WHERE)


def rows_of(
    path: str | Path, split: str = "", config: str = "", columns: Columns | None = None
) -> Rows:
    """The rows of a file or data set.

    Args:
        path: a .jsonl, .json or .parquet file, a folder that `datasets` reads, or a hub name.
        split: which of several there are.
        config: of a data set of the hub that has several.
        columns: where they are not the usual ones.

    Raises:
        UsageError: there is no such file, it has no rows, or no such column.
        DamagedFile: it cannot be read, or a row has no question or no answer.
    """
    where = absolute(path), split, config, columns or Columns()
    return Rows(_digest(_read(*where)), *where)


@lru_cache(maxsize=16)
def loaded(rows: Rows) -> tuple[Row, ...]:
    """The rows themselves, in their order.

    Raises:
        DamagedFile: they are not what they were.
    """
    found = _read(rows.path, rows.split, rows.config, rows.columns)
    if _digest(found) != rows.digest:
        raise DamagedFile(f"{rows.path} has changed since it was planned with; plan the run again")
    return found


def question_hash(question: str) -> str:
    """Equal for questions that differ in white space alone."""
    return hashlib.blake2b(" ".join(question.split()).encode(), digest_size=8).hexdigest()


def _read(path: str, split: str, config: str, columns: Columns) -> tuple[Row, ...]:
    table = open_table(path, split, config)
    known = _found(path, table.column_names, columns)
    return tuple(_row(path, number, row, known) for number, row in enumerate(table, start=1))


def _found(path: str, names: list[str], asked: Columns) -> Columns:
    known = Columns(
        column(path, names, asked.question, QUESTIONS),
        column(path, names, asked.solution, ("solution",)),
        column(path, names, asked.answer, ("answer",)),
    )
    if not known.question or not (known.answer or known.solution):
        absent = "answer" if known.question else "question"
        raise UsageError(
            f"{path} has no column for the {absent}, but {', '.join(names)}; "
            f"name one with columns=Columns({absent}=...)"
        )
    return known


def _row(path: str, number: int, row: dict[str, Any], columns: Columns) -> Row:
    question, solution, answer = (
        value(row, name) for name in (columns.question, columns.solution, columns.answer)
    )
    if MARK in answer or not answer:
        solution = solution or answer
        answer = _marked(answer or solution)
    if not question or not answer:
        absent = "answer" if question else "question"
        raise DamagedFile(f"{path}, row {number}, has no {absent}; add it or remove the row")
    cells = {name.lower(): name for name in row}
    subject, level = (value(row, cells.get(name, "")) for name in ("subject", "level"))
    return Row(question, solution, answer, subject or value(row, "type"), _level(level, solution))


def _marked(text: str) -> str:
    span = marked_span(text)
    return text[span.start : span.end].strip() if span else ""


def _level(level: str, solution: str) -> int:
    if MARK in solution:
        return solution.partition(MARK)[0].strip().count("\n") + 1
    digits = re.search(r"\d+", level)
    return int(digits[0]) if digits else 0


def _digest(rows: tuple[Row, ...]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{json.dumps(row)}\n".encode())
    return digest.hexdigest()[:20]
