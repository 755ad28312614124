"""Pages that come from the code are what the code writes."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from hone.objectives.algorithms import ALGORITHMS
from hone.report.claims_table import SYMBOLS, number, value

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "algorithms_page.py"


def test_the_page_of_algorithms_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("algorithms_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(written)
    text = written.page()
    assert written.PAGE.read_text() == text, "run `make docs`"
    for name in ALGORITHMS:
        assert f"## `{name}`" in text


def test_the_readmes_table_says_what_was_published() -> None:
    published = {
        claim["statement"]: claim
        for claim in json.loads((ROOT / "docs" / "results" / "parity.claims.json").read_text())
    }
    rows = re.findall(r"^\| ([✓✗?]) \| (.*) \| (.*) \| (.*) \|$", (ROOT / "README.md").read_text(),
                      re.MULTILINE)  # fmt: skip
    assert len(rows) > 10
    for symbol, statement, paper, measured in rows:
        claim = published[statement]
        assert symbol == SYMBOLS[claim["verdict"]], statement
        assert paper == number(claim["reported"]), statement
        assert measured == value(claim["measured"], claim["interval"]), statement
    doubtful = {
        name for name, claim in published.items()
        if claim["verdict"] in ("not reproduced", "inconclusive")
    }  # fmt: skip
    assert doubtful <= {statement for _, statement, _, _ in rows}


def test_the_readmes_tallies_are_of_what_was_published() -> None:
    told = {
        name: tuple(map(int, counts.split(" | ")))
        for name, counts in re.findall(
            r"docs/results/(\w+)\.md\).* \| (\d+ \| \d+ \| \d+ \| \d+) \|$",
            (ROOT / "README.md").read_text(), re.MULTILINE,
        )
    }  # fmt: skip
    decided = {
        file.name.removesuffix(".claims.json"): [claim["verdict"] for claim in claims]
        for file in (ROOT / "docs" / "results").glob("*.claims.json")
        if (claims := json.loads(file.read_text()))[0]["verdict"] != "indicative"
    }
    assert told == {
        name: (len(verdicts), *(verdicts.count(each) for each in VERDICTS))
        for name, verdicts in decided.items()
    }


VERDICTS = ("reproduced", "not reproduced", "inconclusive")


@pytest.mark.parametrize("notes", sorted((ROOT / "docs" / "results").glob("*.notes.md")), ids=str)
def test_a_published_page_holds_its_notes_as_they_are(notes: Path) -> None:
    page = notes.with_name(notes.name.replace(".notes", "")).read_text()
    assert notes.read_text().strip() in page, "publish it again"
