"""Every task can be written down and read back; some can be put in words."""

import numpy as np
import pytest

from hone.core.alphabet import Alphabet
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.tasks import parse_task, rendering
from hone.tasks.registry import EXAMPLES, TASKS
from hone.tasks.rendering import renderings

WRITTEN = [
    "parity:d=6",
    "field_arithmetic",
    "field_arithmetic:symbols=fresh,off_native=trial",
    "word_problems:high=4,numbers=large,operations=more+together+rate+fraction",
]


def test_the_example_of_every_task_is_one_of_it() -> None:
    assert {name: parse_task(text).name for name, text in EXAMPLES.items()} == {
        name: name for name in TASKS
    }


@pytest.mark.parametrize("text", ["parity:", "parity:d=11,", "parity:,d=11"])
def test_a_stray_colon_or_comma_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"has an empty field; write e\.g\. parity:d=11"):
        parse_task(text)


@pytest.mark.parametrize("written", WRITTEN)
def test_symbols_are_read_as_the_task_reads_its_tokens(written: str) -> None:
    task = parse_task(written)
    problems, stopped = task.draw("train", 20, Stream.root(0)), np.arange(20) % 3 > 0
    compact = rendering(task, "compact")
    assert isinstance(task.alphabet, Alphabet)
    joiner = task.alphabet.joiner
    for strategy in task.strategies:
        solutions = task.demonstrate(problems, strategy)
        expected = task.read(problems, solutions, np.ones(20, dtype=bool))
        texts = compact.demonstrations(problems, strategy)
        found = compact.read(problems, texts, np.ones(20, dtype=bool))
        for name in ("answers", "grades", "reasons", "strategies", "steps_correct"):
            assert (getattr(found, name) == getattr(expected, name)).all()
        for text, spans, classes in zip(texts, found.spans, expected.classes, strict=True):
            words = [text[span.start : span.end] for span in spans]
            assert joiner.join(words) == text
            assert [span.position for span in spans] == classes[: len(words)].tolist()
        cut = compact.read(problems, texts, stopped)
        assert ((cut.reasons == "truncated") == ~stopped).all()


@pytest.mark.parametrize("text", ["", "nonsense", "+ nonsense", "<eos> <pad>", "é"])
def test_words_that_are_no_symbols_are_malformed(text: str) -> None:
    for written in WRITTEN:
        task = parse_task(written)
        problems = task.draw("train", 1, Stream.root(0))
        read = rendering(task, "compact").read
        assert read(problems, [text], np.array([True])).reasons.tolist() == ["malformed"]
        assert read(problems, [text], np.array([False])).reasons.tolist() == ["truncated"]


def test_a_task_says_which_renderings_it_has() -> None:
    assert renderings(TASKS["field_arithmetic"]) == ("compact", "text")
    assert renderings(TASKS["parity"]) == ("compact",)


@pytest.mark.parametrize(
    ("name", "said"),
    [("text", "for parity; allowed: compact, or text for field_arithmetic, .*word_problems"),
     ("txet", "did you mean 'text'")],
)  # fmt: skip
def test_a_rendering_that_a_task_lacks_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rendering(parse_task("parity:d=6"), name)
