"""A task in words is the task: problems, strategies and grades survive a model's tokenizer."""

from pathlib import Path

import numpy as np
import pytest

from hone.core.errors import DamagedFile, UsageError
from hone.core.language_model import tokens_of
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.core.vocabulary import PositionClass
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.parity import Parity
from hone.tasks.words import InWords, in_words
from tests.language_models import write_language_model

pytest.importorskip("transformers")
CHAINS = FieldArithmetic(11, 2, 4, symbols="fresh")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def task(model: Path) -> InWords:
    return in_words(CHAINS, model, 300, 400)


@pytest.mark.parametrize("strategy", CHAINS.strategies)
def test_demonstrations_are_right_and_in_their_strategy(task: InWords, strategy: str) -> None:
    problems = task.draw("train", 40, Stream.root(0))
    solutions = task.demonstrate(problems, strategy)
    found = task.read(problems, solutions, np.ones(40, dtype=bool))
    assert (found.grades == "correct").all()
    assert (found.strategies == strategy).all()
    assert (found.steps_correct == problems.difficulty).all()
    ends = solutions.tokens[np.arange(40), solutions.lengths - 1]
    assert (ends == task.alphabet.end).all()


def test_classes_are_those_of_the_characters(task: InWords) -> None:
    problems = task.draw("train", 20, Stream.root(0))
    solutions = task.demonstrate(problems, "backward")
    found = task.read(problems, solutions, np.ones(20, dtype=bool))
    for row, classes in zip(solutions.lists(), found.classes, strict=True):
        tokens, length = np.array(row), len(row)
        said = {
            position: task.alphabet.text(tokens[classes[:length] == position])
            for position in PositionClass
        }
        assert said[PositionClass.DECIDE].strip() == "output"
        assert said[PositionClass.ANSWER].strip().startswith("e")
        assert (classes[:length] == PositionClass.END).sum() == 1
        assert (classes[length:] == PositionClass.PAD).all()


def test_problems_are_the_tasks_own_in_the_chat_template(task: InWords) -> None:
    words, chains = (each.draw("validation", 20, Stream.root(0)) for each in (task, CHAINS))
    assert (words.ids == chains.ids).all()
    for row, text in zip(words.prompts.lists(), CHAINS.text.prompts(chains), strict=True):
        said = task.alphabet.text(np.array(row))
        assert said == f"user\n{text}\nassistant\n"


def test_a_model_without_a_template_gets_the_text_and_a_line(tmp_path: Path) -> None:
    task = in_words(CHAINS, write_language_model(tmp_path, template=None), 300, 400)
    problems = task.draw("train", 3, Stream.root(0))
    for row, text in zip(problems.prompts.lists(), CHAINS.text.prompts(problems), strict=True):
        assert task.alphabet.text(np.array(row)) == f"{text}\n"


@pytest.mark.parametrize("strategy", CHAINS.strategies)
def test_forcing_allows_the_strategys_demonstrations_and_no_others(
    task: InWords, strategy: str
) -> None:
    problems = task.draw("train", 20, Stream.root(0))
    allowed = task.constrain(strategy).allowed
    for other in task.strategies:
        begun = task.demonstrate(problems, other).tokens[:, : len(allowed)]
        fits = allowed[np.arange(len(allowed)), begun].all(axis=1)
        assert (fits == (other == strategy)).all()


def test_any_tokens_can_be_read(task: InWords) -> None:
    """Bytes that are no characters, special tokens in the middle, spare rows of the embedding."""
    drawn = np.random.default_rng(0).integers(0, len(task.alphabet), size=(30, 25))
    problems = task.draw("train", 30, Stream.root(0))
    found = task.read(problems, pack(drawn.tolist()), np.ones(30, dtype=bool))
    assert found.classes.shape == (30, 25)
    assert (found.grades == "incorrect").all()


def test_offsets_end_where_the_text_does(task: InWords) -> None:
    text = "Add e3 = 5: 2 + 5 = 7 — größer, 数"
    tokens = np.array([*task.alphabet.response(text), task.alphabet.end])
    offsets = task.alphabet.offsets(tokens)
    assert offsets[-1].tolist() == [len(text), len(text)]
    assert (offsets[1:, 0] == offsets[:-1, 1]).all()


def test_tokens_are_told_apart_by_their_files_and_not_by_where_they_lie(
    model: Path, tmp_path: Path
) -> None:
    same = tokens_of(write_language_model(tmp_path / "same"))
    other = tokens_of(write_language_model(tmp_path / "other", template=None))
    assert tokens_of(model) == same
    assert tokens_of(model) != other


def test_what_cannot_be_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="put in words"):
        in_words(Parity(11), model, 300, 400)
    short = in_words(CHAINS, model, 300, 20)
    problems = short.draw("train", 3, Stream.root(0))
    with pytest.raises(UsageError, match="max_tokens is 20"):
        short.demonstrate(problems, "forward")
    with pytest.raises(UsageError, match="prompt_tokens is 20"):
        in_words(CHAINS, model, 20, 300).draw("train", 3, Stream.root(0))
    with pytest.raises(UsageError, match="not a folder"):
        tokens_of(tmp_path / "none")
    (tmp_path / "config.json").write_text('{"vocab_size": 9}')
    with pytest.raises(DamagedFile, match=r"no tokenizer\.json"):
        tokens_of(tmp_path)
