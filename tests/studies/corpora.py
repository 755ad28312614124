"""The corpora and problems of the echo chamber's paper preset, in miniature."""

import json
from pathlib import Path

from hone.studies.echo_chamber.corpora import CORPORA, PROBLEMS


def write_corpora(folder: Path) -> Path:
    """A folder with every corpus and every set of problems that the study reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in CORPORA.items():
        _write(folder / f"{name}.jsonl",
               [dict.fromkeys(columns, f"{name} {i}") for i in range(200)])  # fmt: skip
    for name in PROBLEMS:
        _write(folder / f"{name}.jsonl",
               [{"question": f"What is {i} in {name}?", "answer": f"It is.\n#### {i}"}
                for i in range(12)])  # fmt: skip
    return folder


def _write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
