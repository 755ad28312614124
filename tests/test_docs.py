"""Pages that come from the code are what the code writes."""

import importlib.util
import json
import re
from pathlib import Path

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
