"""docs/benchmarks.md is written section by section."""

from pathlib import Path

import pytest

from benchmarks import run


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run, "PAGE", tmp_path / "benchmarks.md")
    return run.PAGE


def test_a_section_is_replaced_and_the_others_stay(page: Path) -> None:
    run.write("Against TRL, step by step", "first race")
    run.write("Next-token training", "| a | table |\n\nmachine")
    run.write("Against TRL, step by step", "second race")
    text = page.read_text()
    assert "first race" not in text
    assert text.index("| a | table |\n\nmachine") < text.index("second race")
    assert text.count("# Benchmarks\n") == 1
    assert text.count("\n## ") == 2


def test_writing_the_same_again_changes_nothing(page: Path) -> None:
    run.write("Sizes", "rows")
    before = page.read_text()
    run.write("Sizes", "rows")
    assert page.read_text() == before
