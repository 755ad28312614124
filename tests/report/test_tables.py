from dataclasses import replace

from hone.report.tables import render_table
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


def test_there_are_marks_beyond_nine() -> None:
    rows = {"F": {str(i): replace(estimate(0.5, 0.4, 0.6), note=f"note {i}") for i in range(12)}}
    assert render_table("t", "T", "", rows).rows[0][12].endswith("] ¹²")
