"""`hone export`: what it writes is right, the same each time, and what TRL and verl expect."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from hone.studies.export import FIELDS, Request, export, exported_problems
from hone.tasks import Parity, parse_task, rendering
from tests.runs.tiny import hone

TEXT = Request(
    "field_arithmetic:symbols=fresh",
    Path("unset"),
    problems=30,
    strategies=("forward", "backward"),
    rendering="text",
)
PARITY = Request("parity:d=8", Path("unset"), problems=30, strategies=("long", "short"))


def written(request: Request, folder: Path) -> list[dict[str, Any]]:
    """The rows that a request writes as lines of JSON."""
    file = folder / "rows.jsonl"
    file.unlink(missing_ok=True)
    export(replace(request, out=file))
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("request_", [TEXT, PARITY, replace(TEXT, rendering="compact")])
def test_every_demonstration_is_read_as_correct_and_in_its_strategy(
    request_: Request, tmp_path: Path
) -> None:
    rows, problems = written(request_, tmp_path), exported_problems(request_)
    known = rendering(parse_task(request_.task), request_.rendering)
    assert [row["id"] for row in rows] == problems.ids.tolist()
    assert [row["prompt"] for row in rows] == [text + "\n" for text in known.prompts(problems)]
    reading = known.read(problems, [row["completion"] for row in rows], np.ones(30, dtype=bool))
    assert (reading.grades == "correct").all()
    assert reading.strategies.tolist() == [row["strategy"] for row in rows]
    assert reading.answers.tolist() == [row["answer"] for row in rows]


def test_strategies_are_mixed_about_evenly_and_change_no_problem(tmp_path: Path) -> None:
    many = replace(PARITY, task="parity:d=20", problems=400)
    rows = written(many, tmp_path)
    share = np.mean([row["strategy"] == "long" for row in rows])
    assert abs(share - 0.5) < 0.1
    alone = written(replace(many, strategies=()), tmp_path)
    assert [row["prompt"] for row in alone] == [row["prompt"] for row in rows]
    assert not {"completion", "strategy"} & set(alone[0])


def test_problems_are_all_different_and_no_split_shares_any(tmp_path: Path) -> None:
    train, validation = (
        {row["id"] for row in written(replace(TEXT, split=split, problems=200), tmp_path)}
        for split in ("train", "validation")
    )
    assert len(train) == len(validation) == 200
    assert not train & validation


def test_where_fewer_problems_exist_it_says_so(tmp_path: Path) -> None:
    said = export(replace(PARITY, task="parity:d=4", out=tmp_path / "all.jsonl", problems=1000))
    assert "1000 asked for: no more exist" in said
    every = Parity(4).inputs("train").ids.tolist()
    found = (tmp_path / "all.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in found) == sorted(every)


@pytest.mark.parametrize("format_", ["jsonl", "parquet", "hf"])
@pytest.mark.parametrize("fields", FIELDS)
def test_the_same_request_writes_the_same_bytes(format_: Any, fields: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(replace(TEXT, out=tmp_path / name, format=format_, fields=fields))
    one, two = (
        {file.relative_to(tmp_path / name): file.read_bytes()
         for file in [tmp_path / name, *(tmp_path / name).rglob("*")] if file.is_file()}
        for name in ("one", "two")
    )  # fmt: skip
    assert one == two
    other = tmp_path / "other"
    export(replace(TEXT, out=other, format=format_, fields=fields, seed=1))
    assert {file.read_bytes() for file in [other, *other.rglob("*")] if file.is_file()} != set(
        one.values()
    )


@pytest.mark.parametrize("fields", FIELDS)
def test_parquet_holds_what_the_lines_hold(fields: Any, tmp_path: Path) -> None:
    request = replace(TEXT, fields=fields)
    export(replace(request, out=tmp_path / "rows.parquet"))
    assert pl.read_parquet(tmp_path / "rows.parquet").to_dicts() == written(request, tmp_path)


def test_verl_finds_its_fields(tmp_path: Path) -> None:
    plain, verl = (written(replace(TEXT, fields=fields), tmp_path) for fields in ("plain", "verl"))
    for index, (each, row) in enumerate(zip(plain, verl, strict=True)):
        question = {"role": "user", "content": each["prompt"].rstrip("\n")}
        assert row["data_source"] == "hone/field_arithmetic"
        assert row["prompt"] == [question]
        assert row["ability"] == each["kind"]
        assert row["reward_model"] == {"style": "rule", "ground_truth": each["answer"]}
        assert (row["extra_info"]["index"], row["extra_info"]["split"]) == (index, "train")
        assert row["messages"] == [question, {"role": "assistant", "content": each["completion"]}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["parity"], ["parity lacks d", "parity:d=11"]),
        (["multiplication"], ["lacks n, m", "multiplication:n=3,m=2"]),
        (["field_arithmetic:"], ["field_arithmetic: has an empty field", "low=6,high=9"]),
        (["field_arithmetic:low=5,high=3"], ["high = 3 is not possible; allowed: 5 (low) or more"]),
        (["parity:d=5", "--strategy", ","], ["strategy = ','", "allowed: long, short"]),
        (["pariti:d=5"], ["task 'pariti'", "did you mean 'parity'"]),
        (["parity:d=5", "--strategy", "lang"], ["strategy of parity 'lang'", "'long'"]),
        (["parity:d=5", "--strategy", ""], ["strategy = ''", "long, short"]),
        (["parity:d=5", "--rendering", "text"], ["compact, or text for field_arithmetic"]),
        (["parity:d=5", "--fields", "messages"], ["fields = 'messages'", "plain, trl or verl"]),
        (["parity:d=5", "--fields", "trll"], ["--fields", "trll", "verl"]),
        (["parity:d=5", "--format", "csv"], ["--format", "csv", "parquet"]),
        (["parity:d=5", "--problems", "0"], ["problems = 0", "1 or more"]),
        (["parity:d=5", "--seed", "-1"], ["seed = -1", "0 or more"]),
        (["parity:d=5", "--out", "."], ["out = '.'", "a path where nothing is yet"]),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(
    arguments: list[str | Path],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in arguments else ["--out", "rows"]
    code, output, errors = hone(["export", *arguments, *out], capsys)
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert [words for words in said if words not in errors] == []
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "rows.jsonl"
    code, output, errors = hone(["export", "parity:d=9", "--problems", "7", "--out", out], capsys)
    assert (code, errors) == (0, "")
    assert output.startswith("7 train problems of parity:d=9 in ")
    assert len(out.read_text().splitlines()) == 7


@pytest.mark.parametrize("format_", ["jsonl", "hf"])
def test_a_file_is_no_folder_for_data(
    format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "below"
    code, _, errors = hone(["export", "parity:d=9", "--format", format_, "--out", out], capsys)
    assert (code, errors.count("\n")) == (2, 1)
    assert f"cannot write {out}" in errors
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture(scope="module")
def datasets() -> ModuleType:
    return pytest.importorskip("datasets", reason="datasets is not installed: pip install datasets")


@pytest.mark.filterwarnings("ignore")  # the libraries' own
class TestOtherLibraries:
    @pytest.mark.parametrize("fields", FIELDS)
    def test_datasets_loads_the_folder_both_ways(
        self, datasets: ModuleType, fields: Any, tmp_path: Path
    ) -> None:
        folder, request = tmp_path / "folder", replace(TEXT, fields=fields, split="validation")
        export(replace(request, out=folder, format="hf"))
        expected = written(request, tmp_path)
        for found in (
            datasets.load_from_disk(str(folder)),
            datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache")),
        ):
            assert list(found) == ["validation"]
            assert found["validation"].to_list() == expected

    @pytest.mark.parametrize("format_", ["jsonl", "parquet"])
    def test_datasets_loads_the_files(
        self, datasets: ModuleType, format_: Any, tmp_path: Path
    ) -> None:
        file, request = tmp_path / f"data.{format_}", replace(TEXT, fields="verl")
        export(replace(request, out=file, format=format_))
        kind = {"jsonl": "json"}.get(format_, format_)
        found = datasets.load_dataset(
            kind, data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert found.to_list() == written(request, tmp_path)

    @pytest.mark.parametrize("strategies", [(), ("forward",)])
    def test_trl_knows_a_conversation_from_strings(
        self, strategies: tuple[str, ...], tmp_path: Path
    ) -> None:
        utilities = pytest.importorskip("trl.data_utils", reason="trl is not installed")
        for fields, conversational in (("plain", False), ("trl", True), ("messages", True)):
            if fields == "messages" and not strategies:
                continue
            row = written(replace(TEXT, fields=fields, strategies=strategies), tmp_path)[0]
            assert utilities.is_conversational(row) == conversational
            roles = {name: row[name][-1]["role"] for name in ("prompt", "completion")
                     if conversational and name in row}  # fmt: skip
            assert roles.items() <= {"prompt": "user", "completion": "assistant"}.items()
