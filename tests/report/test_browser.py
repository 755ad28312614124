"""The pages in a real browser: no errors, working filters, alternative text, print."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from hone.report.compare import Side, compare, write_comparison
from hone.report.page import write_page
from tests.report.samples import HOSTILE, claim, page, rollouts

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab


@pytest.fixture
def tab(browser: "Browser") -> Iterator["Tab"]:
    """An empty tab; whatever it complains about, or asks of a network, fails the test."""
    complaints: list[str] = []
    opened = browser.new_page()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else complaints.append(request.url)
        ),
    )
    yield opened
    opened.close()
    assert complaints == []


@pytest.fixture
def report(tab: "Tab", tmp_path: Path) -> "Tab":
    """The sample page, opened."""
    write_page(page(), tmp_path / "report.html")
    tab.goto((tmp_path / "report.html").as_uri())
    return tab


def test_all_responses_are_counted_and_paged(report: "Tab") -> None:
    assert report.inner_text("#count") == "60 of 60 responses, 67 % correct"
    assert report.locator("#rows tbody tr").count() == 25
    report.click("#next")
    report.click("#next")
    assert report.inner_text("#place") == "page 3 of 3"
    assert report.locator("#rows tbody tr").count() == 10
    assert report.is_disabled("#next")


def test_filters_show_only_what_was_chosen(report: "Tab") -> None:
    report.select_option("#filter-strategy", label="direct (20)")
    assert report.inner_text("#count") == "20 of 60 responses, 100 % correct"
    assert set(report.locator("#rows tbody td:nth-child(3)").all_inner_texts()) == {"direct"}
    report.select_option("#filter-seed", "0")
    assert report.inner_text("#count").startswith("0 of 60")
    report.click("button[type=reset]")
    report.get_by_text("60 of 60 responses").wait_for()


def test_filters_are_there_for_what_varies(report: "Tab") -> None:
    names = report.locator("#filters select").evaluate_all("all => all.map(one => one.id)")
    wanted = ["arm", "step", "strategy", "grade", "seed", "temperature"]
    assert names == [f"filter-{name}" for name in wanted]
    assert report.inner_text("caption") == "All rows: Stage: evaluate, Split: test"


def opened(tab: "Tab", folder: Path, shown: pl.DataFrame) -> "Tab":
    write_page(page(rollouts=shown), folder / "report.html")
    tab.goto((folder / "report.html").as_uri())
    return tab


def test_what_opens_is_the_last_evaluation_and_the_rest_is_a_choice_away(
    tab: "Tab", tmp_path: Path
) -> None:
    which = pl.col("step").replace_strict({0: "first", 1: "middle", 2: "last"})
    report = opened(tab, tmp_path, rollouts().with_columns(evaluation=which))
    assert report.inner_text("#count").startswith("20 of 60")
    assert report.locator("#rows tbody tr td").first.inner_text().count("step 2") == 1
    report.select_option("#filter-evaluation", "")
    assert report.inner_text("#count").startswith("60 of 60")
    report.click("button[type=reset]")
    report.get_by_text("20 of 60 responses").wait_for()


def test_without_rewards_there_is_no_column_for_them(tab: "Tab", tmp_path: Path) -> None:
    report = opened(tab, tmp_path, rollouts().with_columns(reward=None, advantage=None))
    headings = report.locator("#rows thead th").all_inner_texts()
    assert headings == ["Sample", "Prompt and response", "Strategy", "Grade"]
    assert report.locator("#rows tbody tr").first.locator("td").count() == 4


def test_paper_shows_what_is_folded(report: "Tab") -> None:
    choices = report.get_by_text("credit.ddof")
    assert not choices.is_visible()
    report.pdf()
    assert choices.is_visible()


def test_filters_work_from_the_keyboard(report: "Tab") -> None:
    report.focus("#filter-grade")
    report.keyboard.type("inc")
    assert report.inner_text("#count").startswith("20 of 60")


def test_every_figure_has_alternative_text(report: "Tab") -> None:
    figures = report.get_by_role("img", name="Accuracy rises from 0.5.")
    assert figures.count() == report.locator("figure").count() == 2


def test_print_hides_the_filters(report: "Tab") -> None:
    assert report.is_visible("#filters")
    report.emulate_media(media="print")
    assert not report.is_visible("#filters")
    assert not report.is_visible("#pager")
    assert report.is_visible("#rows")


def test_nothing_sticks_out_on_a_narrow_screen(report: "Tab") -> None:
    report.set_viewport_size({"width": 390, "height": 800})
    assert report.evaluate("document.documentElement.scrollWidth") <= 390


def test_hostile_text_is_shown_and_does_nothing(tab: "Tab", tmp_path: Path) -> None:
    texts = [text.replace("\0", "") for text in HOSTILE]
    hostile = rollouts(len(texts)).with_columns(response_text=pl.Series(texts))
    claims = [claim(statement=text, note=text, id=f"c{i}") for i, text in enumerate(texts)]
    write_page(page(rollouts=hostile, claims=claims), tmp_path / "report.html")
    tab.goto((tmp_path / "report.html").as_uri())
    assert tab.locator("#rows tbody td.prose p:last-child").all_text_contents() == texts
    assert tab.evaluate("window.hacked") is None


def test_a_comparison_opens_without_complaint(tab: "Tab", tmp_path: Path) -> None:
    sides = [Side(name, {"seed": i, "bits": 11}, [claim()], []) for i, name in enumerate("ab")]
    write_comparison(compare(*sides), tmp_path / "compare.html")
    tab.goto((tmp_path / "compare.html").as_uri())
    assert tab.locator("section").first.locator(".tally").inner_text() == "1 differ, 1 equal"
    assert not tab.locator("details table").first.is_visible()
    tab.locator("summary").first.click()
    assert tab.locator("details table").first.is_visible()
