import math
from dataclasses import replace

import pytest

from hone.measures import Estimate
from hone.report.tables import estimate_in, render_table
from tests.report.samples import estimate


def test_equal_notes_have_one_mark_and_cells_without_a_note_have_none() -> None:
    plain = estimate(0.5, 0.4, 0.6)
    bound, censored = (replace(plain, note=note) for note in ("a bound", "2 seeds censored"))
    rows = {"F": {"x": censored, "y": plain}, "B": {"x": bound, "y": censored}}
    table = render_table("t", "T", "", rows)
    assert table.notes == ("¹ 2 seeds censored", "² a bound")
    assert table.rows == (
        ("F", "0.5 [0.4, 0.6] ¹", "0.5 [0.4, 0.6]"),
        ("B", "0.5 [0.4, 0.6] ²", "0.5 [0.4, 0.6] ¹"),
    )


@pytest.mark.parametrize("value", [0.5, -3.4e-05, 12345.0, math.inf, 7])
@pytest.mark.parametrize("interval", [None, (-1.25, 1e-9), (1200, math.inf)])
@pytest.mark.parametrize("note", ["", "a bound"])
def test_a_cell_says_what_it_was_written_from(
    value: float, interval: tuple[float, float] | None, note: str
) -> None:
    cell = Estimate(value, interval, 0.95, "", (), note)
    table = render_table("t", "T", "", {"F": {"x": cell}})
    found = estimate_in(table.rows[0][1])
    assert found is not None
    assert found.value == pytest.approx(value, rel=0.005)
    assert (found.interval is None) == (interval is None)
    assert interval is None or found.interval == pytest.approx(interval, rel=0.005)


@pytest.mark.parametrize("cell", ["–", "", "forward", "forward [0, 1]"])
def test_a_cell_of_words_holds_no_number(cell: str) -> None:
    assert estimate_in(cell) is None


def test_there_are_marks_beyond_nine() -> None:
    rows = {"F": {str(i): replace(estimate(0.5, 0.4, 0.6), note=f"note {i}") for i in range(12)}}
    assert render_table("t", "T", "", rows).rows[0][12].endswith("] ¹²")
