import json
import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from hone.report.page import Arm, Choices, Page, flattened, several, write_page
from tests.report.samples import HOSTILE, claim, estimate, figure, page, rollouts


def written(content: Page, folder: Path) -> str:
    write_page(content, folder / "report.html")
    return (folder / "report.html").read_bytes().decode()


def embedded(html: str) -> dict[str, list[object]]:
    """The browser's data, found as an HTML parser would: up to the first end of a script."""
    start = html.index('<script type="application/json" id="data">')
    content = html[html.index(">", start) + 1 :]
    return json.loads(content[: content.lower().index("</script")])


def without_own_parts(html: str) -> str:
    """The page without its own style and script, where tags may stand in comments."""
    return re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)


def test_the_page_has_every_part(tmp_path: Path) -> None:
    html = written(page(), tmp_path)
    for text in ("Below one third", "≤ 0.58", "✓", "hone run parity --preset quick", "model.width",
                 "0.5 [0.4, 0.6]", "0.7 [0.6, 0.8] ¹", "¹ one seed | left out"):  # fmt: skip
        assert text in html
    assert html.index('id="claims"') < html.index('id="figures"') < html.index('id="responses"')


def test_a_stage_that_arms_share_has_one_row_that_names_them(tmp_path: Path) -> None:
    html = written(page(), tmp_path)
    rows = html[html.index('id="arms"') : html.index('id="responses"')].split("<tr>")[2:]
    assert len(rows) == 2
    assert "also star" in rows[0]
    assert "also" not in rows[1]


def test_what_was_fixed_and_chosen_is_written_out(tmp_path: Path) -> None:
    html = written(page(), tmp_path)
    conditions = html[html.index('id="conditions"') : html.index('id="settings"')]
    for text in ("2026-01-31", "512 problems", "64 problems, forced", "credit.ddof", "none"):
        assert text in conditions


def test_long_lists_of_names_stay_short() -> None:
    assert several(["a", "b", "a", "c"]) == "a, b, c"
    assert several("abcde") == "a, b, c and 2 more"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(page(), tmp_path) == written(page(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_nothing_is_fetched(tmp_path: Path) -> None:
    html = written(page(), tmp_path)
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", html)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
    assert "default-src 'none'" in html
    assert "unsafe-eval" not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_responses_cannot_break_out(text: str, tmp_path: Path) -> None:
    hostile = rollouts(3).with_columns(response_text=pl.lit(text), arm=pl.lit(text))
    html = written(page(rollouts=hostile), tmp_path)
    assert embedded(html)["response_text"] == [text] * 3
    assert html.count("<script") == written(page(), tmp_path).count("<script")


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_response_survives_the_way_into_the_page(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        odd = pl.DataFrame({"response_text": [text]})
        html = written(page(rollouts=odd, figures=[], claims=[], arms=[]), Path(folder))
    assert embedded(html)["response_text"] == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_claims_settings_and_captions_cannot_break_out(text: str, tmp_path: Path) -> None:
    hostile = claim(statement=text, note=text, unit=text, method=text, region=text, id=text)
    words = {"title": text, "summary": text, "command": text, "settings": {text: text}}
    words |= {
        "facts": {text: [text]},
        "arms": [Arm((text, text), text, {text: estimate(0.5, 0.4, 0.6)})],
        "algorithms": [Choices(text, (text,), {text: text})],
    }
    html = written(page(claims=[hostile], figures=[], **words), tmp_path)
    tags = set(re.findall(r"<[a-z!][^>\s]*", without_own_parts(html)))
    plain = without_own_parts(written(page(figures=[]), tmp_path))
    assert tags <= set(re.findall(r"<[a-z!][^>\s]*", plain))
    assert escape(text).split("\n")[0] in html


def test_missing_numbers_are_dashes_and_null(tmp_path: Path) -> None:
    missing = claim(measured=float("nan"), interval=None, reported=None)
    html = written(page(claims=[missing]), tmp_path)
    assert "nan" not in re.sub(r"<script.*?</script>", "", html, flags=re.S).lower()
    assert '<span class="point">–</span>' in html
    assert embedded(html)["advantage"][:3] == [0.123, 0.123, None]


def test_figures_share_no_id_and_say_what_they_show(tmp_path: Path) -> None:
    html = written(page(), tmp_path)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)
    assert set(re.findall(r'xlink:href="#([^"]+)"', html)) <= set(ids)
    assert html.count('role="img" aria-label="Accuracy rises from 0.5."') == 2


def test_figures_follow_the_page_into_the_dark_but_files_keep_their_colours() -> None:
    drawn = figure()
    assert "var(--paper)" in drawn.inline
    assert "#ffffff" not in drawn.inline
    assert "#ffffff" in drawn.svg
    assert drawn.png.startswith(b"\x89PNG")


def test_a_page_without_claims_figures_or_responses(tmp_path: Path) -> None:
    empty = page(claims=[], figures=[], rollouts=pl.DataFrame(), arms=[])
    html = written(empty, tmp_path)
    assert 'id="claims"' not in html
    assert 'id="responses"' not in html


def test_settings_are_flattened_in_order() -> None:
    nested = {"b": {"y": (1, 2), "x": None}, "a": True}
    assert flattened(nested) == {"b.y": "1, 2", "b.x": "–", "a": "True"}
