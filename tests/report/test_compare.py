import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from hone.measures.estimates import Estimate
from hone.report.compare import Side, compare, terminal, write_comparison
from hone.report.page import Arm
from tests.report.samples import HOSTILE, claim, estimate


def side(name: str, figures: dict[str, Estimate], claims: list[dict] | None = None) -> Side:
    arms = [Arm(("grpo",), "evaluate", figures)]
    return Side(name, {"bits": 11, "seed": name}, claims or [], arms)


def test_settings_that_differ_come_first() -> None:
    result = compare(side("a", {}), side("b", {}))
    assert [(row.name, row.difference) for row in result.settings] == [
        ("seed", "another value"),
        ("bits", ""),
    ]


def test_the_most_telling_differences_come_first() -> None:
    a = [
        claim(id="equal"),
        claim(id="only a"),
        claim(id="overlap", measured=0.5, interval=[0.4, 0.6]),
        claim(id="verdict", interval=None, verdict="reproduced"),
        claim(id="apart", interval=[0.1, 0.2]),
    ]
    b = [
        claim(id="equal"),
        claim(id="overlap", measured=0.55, interval=[0.45, 0.65]),
        claim(id="verdict", interval=None, verdict="inconclusive"),
        claim(id="apart", interval=[0.3, 0.4]),
    ]
    rows = compare(side("a", {}, a), side("b", {}, b)).claims
    assert [(row.name.partition(":")[0], row.difference) for row in rows] == [
        ("apart", "intervals do not overlap"),
        ("verdict", "another verdict"),
        ("overlap", "intervals overlap"),
        ("only a", "only in a"),
        ("equal", ""),
    ]


def test_arms_are_compared_figure_by_figure() -> None:
    a = side("a", {"greedy": estimate(0.5, 0.4, 0.6), "chains": estimate(0.2, 0.1, 0.3)})
    b = side("b", {"greedy": estimate(0.5, 0.4, 0.6), "chains": estimate(0.8, 0.7, 0.9)})
    first, second = compare(a, b).arms
    assert first.name == "grpo · evaluate · chains"
    assert (first.a, first.b) == ("0.2 [0.1, 0.3]", "0.8 [0.7, 0.9]")
    assert second.difference == ""


def test_a_stage_that_other_arms_share_in_the_other_run_is_compared_arm_by_arm() -> None:
    figures = {"greedy": estimate(0.5, 0.4, 0.6)}
    a = Side("a", {}, [], [Arm(("star", "grpo"), "pretrain", figures)])
    b = Side("b", {}, [], [Arm(("threshold", "grpo", "star"), "pretrain", figures)])
    rows = {row.name.partition(" ")[0]: row.difference for row in compare(a, b).arms}
    assert rows == {"threshold": "only in b", "star": "", "grpo": ""}


def test_undefined_values_equal_each_other() -> None:
    unknown = Estimate(float("nan"), None, 0.95, "none", ())
    (row,) = compare(side("a", {"x": unknown}), side("b", {"x": unknown})).arms
    assert (row.a, row.difference) == ("–", "")


def test_the_terminal_shows_differences_and_counts_the_rest() -> None:
    stream = io.StringIO()
    result = compare(side("[b]first[/b]", {}, [claim()]), side("second", {}, [claim()]))
    Console(file=stream, width=160).print(terminal(result))
    assert "settings: 1 differ, 1 equal" in stream.getvalue()
    assert "claims: 0 differ, 1 equal" in stream.getvalue()
    assert "[b]first[/b]" in stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_on_the_page(text: str, tmp_path: Path) -> None:
    path = tmp_path / "compare.html"
    write_comparison(compare(side(text, {}, [claim(statement=text)]), side("b", {})), path)
    html = path.read_bytes().decode()
    assert html.count("<script") == 1
    assert not re.search(r"<(img|svg)", html)
