"""Pages that come from the code are what the code writes."""

import importlib.util
from pathlib import Path

from hone.objectives.algorithms import ALGORITHMS

SCRIPT = Path(__file__).parent.parent / "scripts" / "algorithms_page.py"


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
