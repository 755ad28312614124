import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hone.report.claims_table import claims_table, escaped, markdown_table, number, tally, value
from tests.report.samples import HOSTILE, claim


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (0, "0"),
        (1.0, "1"),
        (0.5034, "0.503"),
        (12_800_000, "12,800,000"),
        (1e-5, "1e-05"),
    ],
)
def test_numbers(figure: float | None, text: str) -> None:
    assert number(figure) == text


def test_a_value_stands_beside_its_interval() -> None:
    assert value(0.5, (0.4, 0.6)) == "0.5 [0.4, 0.6]"
    assert value(None, None) == "–"


def test_the_terminal_shows_symbol_and_word_and_no_markup() -> None:
    stream = io.StringIO()
    table = claims_table([claim(statement="[bold]as it stands[/bold]", unit="rounds")], 160)
    Console(width=160, file=stream).print(table)
    text = stream.getvalue()
    assert "✓ reproduced" in text
    assert "[bold]as it stands[/bold]" in text
    assert "0.503 [0.482, 0.524] rounds" in text


def test_a_narrow_terminal_gives_half_its_width_to_the_claim() -> None:
    stream, statement = io.StringIO(), "a claim in words that need no hyphen " * 4
    low = claim(statement=statement, interval=[-0.0824, -0.0241], unit="rounds")
    Console(width=80, file=stream).print(claims_table([low, claim(verdict="indicative")], 80))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert max(len(line.split("│")[2].strip()) for line in lines if line.count("│") > 3) >= 36
    assert "[-0.0824, -0.0241]" in stream.getvalue()
    assert "✓ reproduced, ○ indicative" in stream.getvalue()


def test_the_tally_counts_verdicts() -> None:
    claims = [claim(), claim(verdict="indicative"), claim()]
    assert tally(claims) == "3 claims: 2 reproduced, 1 indicative"
    assert tally([]) == "no claims"


@given(st.text() | st.sampled_from(HOSTILE))
def test_markdown_cells_stay_cells(text: str) -> None:
    lines = markdown_table([claim(statement=text, statistic=text, note=text)]).splitlines()
    assert len(lines) == 3
    assert lines[2].replace(r"\|", "").count("|") == 8
    assert "<" not in lines[2]


def test_markdown_shows_the_text_as_it_stands() -> None:
    assert escaped("a|b *c* [d](e) <f>\n`g` h_i") == r"a\|b \*c\* [d\](e) &lt;f&gt; \`g\` h_i"
