"""`hone export`: a task's problems, and demonstrations of them, as data for other libraries.

What the columns are called is what TRL's trainers and verl's data sets look for: docs/export.md.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from hone.core.contracts import Problems, Split, Task
from hone.core.errors import require, unknown
from hone.core.files import write_bytes, write_folder, write_json
from hone.core.random import Stream
from hone.tasks import parse_task, rendering

Format = Literal["jsonl", "parquet", "hf"]
Fields = Literal["plain", "trl", "messages", "verl"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    task: str  # as `parse_task` reads it
    out: Path  # a file, or a folder where the format is hf
    format: Format | None = None  # none: by the file's name
    split: Split = "train"
    problems: int = 1024
    strategies: tuple[str, ...] = ()  # each problem in one of them; none: problems alone
    rendering: str = "compact"
    fields: Fields = "plain"
    seed: int = 0


@dataclass(frozen=True)
class Example:
    """One problem in writing, and its demonstration if there is one."""

    task: str
    split: Split
    index: int
    prompt: str
    completion: str | None
    about: Row  # identity and reference answer: columns that any trainer passes through


def export(request: Request) -> str:
    """Write what is asked for, whole or not at all, and say in a sentence what was written.

    The same request writes the same bytes.

    Raises:
        UsageError: a request that cannot be carried out.
    """
    task = _checked(request)
    examples = _examples(task, request)
    row = FIELDS[request.fields]
    FORMATS[_format(request)](request, [row(example) for example in examples])
    few = f" ({request.problems} asked for: no more exist)" * (len(examples) < request.problems)
    return f"{len(examples)} {request.split} problems{few} of {request.task} in {request.out}"


def exported_problems(request: Request) -> Problems:
    """The problems behind the rows that a request writes, in their order.

    With them `rendering(...).read` reads what a model answered to the rows.
    """
    task, stream, n = parse_task(request.task), _stream(request).child("problems"), request.problems
    for draws in (4, 32):  # 32 a problem find practically all there are
        drawn = task.draw(request.split, draws * n, stream)
        _, first = np.unique(drawn.ids, return_index=True)
        if len(first) >= n:
            break
    return drawn.select(np.sort(first)[:n])


def _format(request: Request) -> Format:
    by_name: Format = "parquet" if request.out.suffix == ".parquet" else "jsonl"
    return request.format or by_name


def _checked(request: Request) -> Task:
    """The task, once nothing stands against the request."""
    task = parse_task(request.task)
    rendering(task, request.rendering)
    for strategy in request.strategies:
        require(strategy != "", "strategy", ",".join(request.strategies),
                f"{', '.join(task.strategies)}; several with a comma between them")  # fmt: skip
        if strategy not in task.strategies:
            raise unknown(f"strategy of {task.name}", strategy, task.strategies)
    require(request.problems >= 1, "problems", request.problems, "1 or more")
    require(request.seed >= 0, "seed", request.seed, "0 or more")
    if request.fields == "messages":
        require(bool(request.strategies), "fields", "messages",
                "plain, trl or verl without --strategy: messages end with a solution")  # fmt: skip
    require(not request.out.exists(), "out", str(request.out), "a path where nothing is yet")
    return task


def _examples(task: Task, request: Request) -> list[Example]:
    problems, written = exported_problems(request), rendering(task, request.rendering)
    prompts = written.prompts(problems)
    strategies = _strategies(request, len(problems))
    completions: list[str | None] = [None] * len(problems)
    for strategy in dict.fromkeys(request.strategies):
        rows = np.flatnonzero(strategies == strategy)
        for row, text in zip(
            rows, written.demonstrations(problems.select(rows), strategy), strict=True
        ):
            completions[row] = text
    return [
        Example(task.name, request.split, row, prompts[row], completions[row], about)
        for row, about in enumerate(_about(problems, strategies))
    ]


def _strategies(request: Request, n: int) -> np.ndarray | None:
    """One of the strategies for every problem, all as likely; None where there are none."""
    if not request.strategies:
        return None
    drawn = _stream(request).child("strategy").uniform(np.arange(n)) * len(request.strategies)
    return np.array(request.strategies)[drawn.astype(np.int64)]


def _stream(request: Request) -> Stream:
    return Stream.root(request.seed).child("export", request.split)


def _about(problems: Problems, strategies: np.ndarray | None) -> list[Row]:
    columns = {
        "id": problems.ids,
        "kind": problems.kinds,
        "difficulty": problems.difficulty,
        "answer": problems.answers,
        **({} if strategies is None else {"strategy": strategies}),
    }
    values = (column.tolist() for column in columns.values())
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _user(example: Example) -> list[Row]:
    return [{"role": "user", "content": example.prompt}]


def _assistant(example: Example) -> list[Row]:
    return [{"role": "assistant", "content": example.completion}]


def _plain(example: Example) -> Row:
    """Strings; the prompt ends its line, so that prompt and completion join at a token's edge."""
    solution = {} if example.completion is None else {"completion": example.completion}
    return {"prompt": example.prompt + "\n", **solution, **example.about}


def _trl(example: Example) -> Row:
    solution = {} if example.completion is None else {"completion": _assistant(example)}
    return {"prompt": _user(example), **solution, **example.about}


def _messages(example: Example) -> Row:
    return {"messages": _user(example) + _assistant(example), **example.about}


def _verl(example: Example) -> Row:
    messages = {} if example.completion is None else {"messages": _messages(example)["messages"]}
    return {
        "data_source": f"hone/{example.task}",
        "prompt": _user(example),
        **messages,
        "ability": example.about["kind"],
        "reward_model": {"style": "rule", "ground_truth": example.about["answer"]},
        "extra_info": {"split": example.split, "index": example.index, **example.about},
    }


FIELDS: dict[Fields, Callable[[Example], Row]] = {
    "plain": _plain,
    "trl": _trl,
    "messages": _messages,
    "verl": _verl,
}


def _write_lines(request: Request, rows: list[Row]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(request.out, "".join(lines).encode())


def _write_parquet(request: Request, rows: list[Row]) -> None:
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    write_bytes(request.out, buffer.getvalue().to_pybytes())


def _write_hf(request: Request, rows: list[Row]) -> None:
    write_folder(request.out, partial(_fill, request, pa.Table.from_pylist(rows)))


FORMATS: dict[Format, Callable[[Request, list[Row]], None]] = {
    "jsonl": _write_lines,
    "parquet": _write_parquet,
    "hf": _write_hf,
}


def _fill(request: Request, table: pa.Table, folder: Path) -> None:
    """A folder for `load_from_disk` by its JSON files, and for `load_dataset` by its card.

    The one Arrow file serves both. `datasets` has no public description of these JSON files; a
    test reads the folder back with it.
    """
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    data, shard = buffer.getvalue().to_pybytes(), "data-00000-of-00001.arrow"
    write_bytes(folder / request.split / shard, data)
    state = {
        "_data_files": [{"filename": shard}],
        "_fingerprint": hashlib.sha256(data).hexdigest()[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": request.split,
    }
    write_json(folder / request.split / "state.json", state)
    write_json(folder / request.split / "dataset_info.json", {})  # all of it is in the Arrow file
    write_json(folder / "dataset_dict.json", {"splits": [request.split]})
    write_bytes(folder / "README.md", _card(request, table).encode())


def _card(request: Request, table: pa.Table) -> str:
    """A dataset card, which tells `load_dataset` where each split lies."""
    options = [f"--{name} {getattr(request, name)}"
               for name in ("split", "problems", "rendering", "fields", "seed")]  # fmt: skip
    if request.strategies:
        options.append(f"--strategy {','.join(request.strategies)}")
    return f"""---
configs:
- config_name: default
  data_files:
  - split: {request.split}
    path: {request.split}/*.arrow
---
# {request.task}

{table.num_rows} problems with a verifier, from the laboratory `hone`. Written by

    hone export {request.task} --out FOLDER --format hf {" ".join(options)}

Columns: {", ".join(f"`{name}`" for name in table.column_names)}.
"""
