"""Answers: where a text has one, which are equal, and a scorer that dies."""

from collections.abc import Iterator

import pytest

from hone.core.errors import HoneError
from hone.tasks.maths import scorer
from hone.tasks.maths.answers import answer_span, is_boxed_answer, same
from hone.tasks.maths.scorer import Scorer

pytest.importorskip("math_verify")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so \\boxed{72}.", "72"),
        ("\\boxed{1} and then \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}} of 3", "\\frac{1}{2}"),
        ("\\boxed{\\left\\{ x \\mid x > 0 \\right.}", "\\left\\{ x \\mid x > 0 \\right."),
        ("\\boxed{5} but \\boxed{6", "5"),
        ("\\framebox{204} minutes", "204"),
        ("$\\boxed 2$, as said", "2"),
        ("9\n#### 1,080\nDone", "1,080"),
        ("It costs $1,234.50 now.", "1,234.50"),
        ("from 3 to −5", "−5"),
        ("10-5 apples", "5"),
        ("H2O in x2", None),
        ("größer als 数", None),
        ("", None),
        ("\\boxed{}", ""),
    ],
)
def test_the_answer_of_a_text(text: str, answer: str | None) -> None:
    span = answer_span(text)
    assert (text[span.start : span.end].strip() if span else None) == answer


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("\\frac{1}{2}", "0.5"),
        ("\\frac{1}{2}", "1/2"),
        ("0.5", "1/2"),
        ("1/2", "0.50"),
        ("1234", "1,234"),
        ("1,234", "$1234.00"),
        ("18", "\\$18"),
        ("50\\%", "50"),
        ("50\\%", "0.5"),
        ("11,\\! 111", "11111"),
        ("-5", "−5"),
        ("033", "33"),
        ("073", "\\textbf{(073) }"),
        ("0.3", "0.30000000000000004"),
        ("\\text{Evelyn}", "evelyn"),
        ("p - q", "-q + p"),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3, π/2)"),
        ("\\{1, 2\\}", "\\{2, 1\\}"),
        ("5", "5\\text{ cm}"),
        ("2", "２"),
    ],
)
def test_equal_answers(reference: str, answer: str) -> None:
    assert same(reference, answer) is True


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("72", "71"),
        ("5", "500"),  # cents
        ("1234", "1,23"),
        ("\\text{Evelyn}", "lynEve"),
        ("p - q", "q - p"),
        ("(1,2)", "(2,1)"),
        ("\\sqrt{2}", "1.4"),
        ("25", "5²"),
        ("7", "no idea"),
        ("7", "\\frac{"),
        ("7", "🙂" * 20),
        ("7", "9" * 5000),
    ],
)
def test_other_answers(reference: str, answer: str) -> None:
    assert same(reference, answer) is False


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("\\boxed{72}", True),
        (" $\\boxed{\\frac{1}{2}}$.\n", True),
        ("So \\boxed{72}", False),
        ("\\boxed{72} apples", False),
        ("\\boxed{1} \\boxed{2}", False),
        ("\\boxed{72", False),
        ("72", False),
    ],
)
def test_an_answer_alone_is_nothing_but_a_box(text: str, alone: bool) -> None:
    assert is_boxed_answer(text) is alone


@pytest.fixture
def impatient() -> Iterator[Scorer]:
    """A scorer with less time."""
    made = Scorer(seconds=1)
    yield made
    made.close()


def test_a_scorer_that_has_died_is_started_again(impatient: Scorer) -> None:
    assert impatient.equal("1 + y", "y + 1") is True
    assert impatient._process is not None
    impatient._process.kill()
    impatient._process.wait()
    assert impatient.equal("1 + y", "y + 1") is True


def test_a_scorer_that_dies_of_a_question_gives_no_verdict(
    impatient: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert impatient.equal("1", "2") is False
    died = impatient._process
    assert died is not None
    died.kill()
    died.wait()
    monkeypatch.setattr(died, "poll", lambda: None)  # it seems alive when it is asked
    assert impatient.equal("1", "1") is None
    monkeypatch.undo()
    assert impatient.equal("1", "1") is True


def test_a_scorer_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "_WORKER", "hone.no_such_module")
    with pytest.raises(HoneError, match=r"does not start; install it with: pip install 'hone-lab"):
        Scorer().equal("1", "2")
