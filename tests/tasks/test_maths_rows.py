"""Rows of other people's data: found, told apart by content, refused in one line."""

import json
import sys
from pathlib import Path

import pytest

from hone.core.errors import DamagedFile, HoneError, UsageError
from hone.runs.keys import describe, rebuild
from hone.tasks.maths import Columns, rows_of
from hone.tasks.maths.rows import Row, loaded
from tests.tasks.maths_examples import AIME, GSM8K, MATH, lines, many


def test_known_data_sets_are_read_by_their_columns(tmp_path: Path) -> None:
    (first, second) = loaded(rows_of(lines(tmp_path / "gsm8k.jsonl", GSM8K)))
    assert (first.answer, first.kind, first.level) == ("72", "", 2)
    assert first.solution == GSM8K[0]["answer"]
    assert second.answer == "1,080"
    (point, name) = loaded(rows_of(lines(tmp_path / "math.jsonl", MATH)))
    assert (point.answer, point.kind, point.level) == (MATH[0]["answer"], "Precalculus", 2)
    assert name.solution == MATH[1]["solution"]
    (aime,) = loaded(rows_of(lines(tmp_path / "aime.jsonl", AIME)))
    assert aime == Row("Find $m + n$.", "", "33", "", 0)


def test_maths_without_answers_has_them_in_boxes(tmp_path: Path) -> None:
    original = [
        {"problem": "?", "solution": "So $\\boxed{\\frac{1}{2}}$", "level": "Level 3", "type": "A"},
        {"problem": "??", "solution": "Thus $x=\\boxed 2$ at last", "level": "Level ?"},
    ]
    first, second = loaded(rows_of(lines(tmp_path / "math.jsonl", original)))
    assert (first.answer, first.level, first.kind) == ("\\frac{1}{2}", 3, "A")
    assert (second.answer, second.level) == ("2", 0)


def test_columns_have_other_names_and_cases(tmp_path: Path) -> None:
    upper = lines(tmp_path / "a.jsonl", [{"Problem": "?", "Answer": 0}])
    assert loaded(rows_of(upper)) == (Row("?", "", "0", "", 0),)
    named = lines(tmp_path / "b.jsonl", [{"q": "?", "how": "so", "a": "7", "answer": "no"}])
    (row,) = loaded(rows_of(named, columns=Columns("q", "how", "a")))
    assert row == Row("?", "so", "7", "", 0)


def test_rows_are_the_same_in_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    whole = datasets.Dataset.from_list(MATH)
    whole.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(MATH))
    whole.save_to_disk(tmp_path / "folder")
    datasets.DatasetDict({"train": whole, "test": whole}).save_to_disk(tmp_path / "splits")
    found = [rows_of(lines(tmp_path / "a.jsonl", MATH)), rows_of(tmp_path / "splits", "test")]
    found += [rows_of(tmp_path / name) for name in ("a.parquet", "a.json", "folder")]
    assert len(set(found)) == 1
    for split in ("", "dev"):
        with pytest.raises(UsageError, match="allowed: train or test"):
            rows_of(tmp_path / "splits", split)
    with pytest.raises(UsageError, match="has no splits"):
        rows_of(tmp_path / "folder", "train")


def test_rows_are_told_apart_by_their_content_and_not_by_where_they_lie(tmp_path: Path) -> None:
    here, there = (rows_of(lines(tmp_path / name / "a.jsonl", GSM8K)) for name in ("a", "b"))
    assert here == there
    assert describe(here, semantic_only=True) == describe(there, semantic_only=True)
    changed = [GSM8K[0], GSM8K[1] | {"answer": "#### 1,081"}]
    other = rows_of(lines(tmp_path / "c.jsonl", changed))
    assert other != here
    assert describe(other, semantic_only=True) != describe(here, semantic_only=True)
    assert rebuild(json.loads(json.dumps(describe(here)))) == here


def test_rows_that_change_later_are_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", many(5))
    rows = rows_of(path)
    lines(path, many(6))
    with pytest.raises(DamagedFile, match="has changed since"):
        loaded(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ('{"question": "?", "answer": "1"}\n{"question"\n', "line 2, is not JSON"),
        ('{"question": "?", "answer": "1"}\n[1]\n', "line 2, is no object"),
        ('{"question": "?", "answer": "1"}\n{"question": "?"}\n', "row 2, has no answer"),
        ('{"question": " ", "answer": "1"}\n', "row 1, has no question"),
        ('{"query": "?", "answer": "1"}\n', "no column for the question, but query, answer"),
        ('{"question": "?", "reply": "1"}\n', r"columns=Columns\(answer=...\)"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(HoneError, match=message):
        rows_of(tmp_path / "a.jsonl")


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    for absent in ("none.jsonl", "none.parquet", "no/such/folder"):
        with pytest.raises(UsageError, match="is no file or folder of data"):
            rows_of(tmp_path / absent)
    path = lines(tmp_path / "a.jsonl", GSM8K)
    with pytest.raises(UsageError, match="is a file"):
        rows_of(path, "train")
    with pytest.raises(UsageError, match="did you mean 'question'"):
        rows_of(path, columns=Columns(question="questions"))
    (tmp_path / "a.parquet").write_text("nothing of the kind")
    with pytest.raises(DamagedFile, match=r"a\.parquet cannot be read as a data set"):
        rows_of(tmp_path / "a.parquet")
    with pytest.raises(DamagedFile, match=r"no/such cannot be read as a data set \(Couldn't reach"):
        rows_of("no/such")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match="needs datasets"):
        rows_of(tmp_path / "a.parquet")
