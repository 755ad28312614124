"""Every run has a folder of its own, and a run file is read back as it was written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import DamagedFile
from hone.studies.registry import find_study
from hone.studies.runfile import RunFile, load_run, run_name, runs_below

MADE = {"code": "1.0+abc", "determining": "9f2a"}
RECORD = RunFile("parity", "quick", "", ("d=5",), "hone run", {}, MADE, "2000-01-01", 1.5, [])
OVERRIDES = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=300))


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / RECORD.name
    RECORD.write(folder)
    assert load_run(folder) == RECORD
    assert runs_below(tmp_path) == runs_below(folder) == [folder]


@pytest.mark.parametrize(
    "change",
    [{"environment": {}}, {"environment": None}, {"stages": [{"arm": "a"}]}, {"stages": []},
     {"stages": 3}, {"another": 1}, {"settings": []}, {"overrides": "d=5"},
     {"stages": [{"arm": "a", "stage": "rl", "seed": 0, "factors": 1, "folder": "rl-1"}]}],
    ids=str,
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = tmp_path / RECORD.name
    RECORD.write(folder)
    fields = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(fields | change))
    with pytest.raises(DamagedFile, match=r"run\.json is damaged"):
        load_run(folder).results(tmp_path)


def test_a_run_is_named_after_what_was_asked_for() -> None:
    assert run_name("full", "core", ()) == "full-core"
    assert run_name("quick", "", ("d=13", "seeds=0,1")) == "quick,d=13,seeds=0,1"


@given(OVERRIDES)
def test_any_override_gives_one_folder_of_a_length_that_file_systems_take(
    overrides: list[str],
) -> None:
    name = run_name("quick", "", overrides)
    assert Path(name).parts == (name,)
    assert len(name.encode()) <= 255


def test_long_names_stay_different() -> None:
    names = {run_name("quick", "", [f"sweep={'0.1,' * 80}{last}"]) for last in range(9)}
    assert len(names) == 9


def test_two_files_of_one_name_are_two_studies(tmp_path: Path) -> None:
    found = []
    for name in ("first", "second"):
        file = tmp_path / name / "mine.py"
        file.parent.mkdir()
        file.write_text(
            "from hone.studies.study import Study\n"
            f"study = Study({name!r}, '', '', '', {{}}, lambda _: ())"
        )
        study, path = find_study(str(file))
        found.append((study.name, path))
    assert found == [(name, tmp_path / name / "mine.py") for name in ("first", "second")]
