"""What word problems are learned from: documents by source, with the errors that each makes."""

import re
from dataclasses import replace

import numpy as np
import pytest

from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.tasks.programs import run_block
from hone.tasks.word_problems import WordProblems
from hone.tasks.word_problems.corpus import ARITHMETIC, BACKGROUND, Source, WordCorpus, taken_as
from hone.tasks.word_problems.stories import NUMBERS, OPERATIONS
from hone.tasks.word_problems.story import Story

EASY = WordProblems()
HARD = WordProblems(3, 8, 3, "large", OPERATIONS[1:])


def documents(*sources: Source, task: WordProblems = EASY, n: int = 400) -> list[tuple[str, str]]:
    """Source and text of documents."""
    corpus = WordCorpus(task, sources)
    found = corpus.documents("train", np.arange(n), Stream.root(3))
    assert max(found.tokens.lengths) <= corpus.max_tokens
    texts = [corpus.alphabet.text(np.array(row)) for row in found.tokens.lists()]
    return list(zip(map(str, found.sources), texts, strict=True))


def test_documents_come_by_weight_and_in_their_format() -> None:
    found = documents(Source("program", 0.5), Source("text", 0.3), Source(BACKGROUND, 0.2), n=2000)
    names = [name for name, _ in found]
    assert np.isclose([names.count(name) / 2000 for name in ("program", "text", BACKGROUND)],
                      [0.5, 0.3, 0.2], atol=0.04).all()  # fmt: skip
    for name, text in found:
        assert text.startswith("<bos>")
        assert text.endswith("<eos>")
        assert ("def simple_math_problem" in text) == (name == "program")
        assert ("\n\n" in text) == (name != BACKGROUND)


@pytest.mark.parametrize("wrong", [0.0, 0.3, 1.0])
def test_so_many_documents_hold_one_wrong_step(wrong: float) -> None:
    corpus = WordCorpus(EASY, (Source("text", 1.0, wrong=wrong),))
    pairs = spoiled(corpus, 500)
    others = [sum(a.operation != b.operation for a, b in zip(one.steps, other.steps, strict=True))
              for one, other in pairs]  # fmt: skip
    assert set(others) <= {0, 1}
    assert np.isclose(np.mean(others), wrong, atol=0.07)
    assert all((one.answer == other.answer) or changed for (one, other), changed in
               zip(pairs, others, strict=True))  # fmt: skip


def spoiled(corpus: WordCorpus, n: int) -> list[tuple[Story, Story]]:
    """Stories as they are and as the corpus's first source takes them to be."""
    stories = corpus.task.stories(corpus.task.draw_part("pretraining", n, Stream.root(5)))
    taken = taken_as(corpus.sources[:1] * n, stories, Stream.root(6))
    return list(zip(stories, taken, strict=True))


def test_a_miscoded_relation_is_always_wrong_and_no_other_is() -> None:
    corpus = WordCorpus(EASY, (Source("program", 1.0, miscoded=("times",)),))
    for story, taken in spoiled(corpus, 200):
        for step, other in zip(story.steps, taken.steps, strict=True):
            assert (step.operation != other.operation) == (step.operation == "times")
        steps = {step.name: step for step in taken.steps}
        for step in taken.steps[1:]:  # what is written follows from what was written before
            assert step.left == steps[step.source].value


def test_a_source_of_few_documents_repeats_them() -> None:
    texts = [text for _, text in documents(Source("text", 1.0, distinct=10), n=300)]
    assert len(set(texts)) == 10
    always_new = [text for _, text in documents(Source("text", 1.0), n=300)]
    assert len(set(always_new)) > 290


def test_documents_come_again_when_all_have_been_read_however_they_are_asked_for() -> None:
    sources = (Source("text", 0.4, distinct=20), Source("program", 0.3, distinct=30),
               Source(BACKGROUND, 0.3))  # fmt: skip
    corpus, stream = WordCorpus(EASY, sources), Stream.root(4)
    parts = [corpus.documents("train", np.arange(low, low + 50), stream)
             for low in range(0, 400, 50)]  # fmt: skip
    for name, distinct in (("text", 20), ("program", 30)):
        read = [corpus.alphabet.text(np.array(row))
                for part in parts
                for row, source in zip(part.tokens.lists(), part.sources, strict=True)
                if source == name]  # fmt: skip
        assert len(set(read)) == distinct
        assert read[distinct:] == read[:-distinct]


def test_held_out_documents_are_of_other_problems() -> None:
    corpus = WordCorpus(EASY, (Source("text", 1.0, distinct=50),))
    train, held_out = (
        {corpus.alphabet.text(np.array(row)).split("\n\n")[0]
         for row in corpus.documents(split, np.arange(400), Stream.root(1)).tokens.lists()}
        for split in ("train", "validation")
    )  # fmt: skip
    assert not train & held_out
    assert len(held_out) > 390


@pytest.mark.parametrize(
    "hard", [replace(EASY, low=EASY.high + 1, high=EASY.high + 2), replace(EASY, numbers="large")]
)
def test_hard_documents_are_of_hard_problems_and_in_nobodys_prompts(hard: WordProblems) -> None:
    """Every line of a sentence tells a quantity: as many lines, as many steps."""
    sources = (Source("text", 0.7), Source("text", 0.3, hard=True))
    corpus = WordCorpus(EASY, sources, hard)
    drawn = corpus.documents("train", np.arange(600), Stream.root(2))
    assert set(drawn.sources) == {"text", "hard text"}
    assert np.isclose(np.mean(drawn.sources == "hard text"), 0.3, atol=0.06)
    assert drawn.tokens.lengths.max() <= corpus.max_tokens
    texts = [corpus.alphabet.text(np.array(row)) for row in drawn.tokens.lists()]
    solutions = [text.partition("\n\n")[2] for text in texts]
    steps = np.array([solution.count(" has ") - 1 for solution in solutions])
    most = np.array([max(map(int, re.findall(r"\d+", solution))) for solution in solutions])
    is_hard = drawn.sources == "hard text"
    if hard.low > EASY.high:
        assert ((steps >= hard.low) == is_hard).all()
    else:
        assert most[~is_hard].max() <= NUMBERS["small"].largest < most[is_hard].max()
    asked = hard.draw("train", 400, Stream.root(3))
    prompts = {"".join(story.question) for story in hard.stories(asked)}
    assert not any(text.removeprefix("<bos>").partition("\n\n")[0] in prompts for text in texts)


def test_few_documents_may_have_no_hard_one() -> None:
    sources = (Source("text", 0.999), Source("program", 0.001, hard=True))
    corpus = WordCorpus(EASY, sources, replace(EASY, numbers="large"))
    assert set(corpus.documents("train", np.arange(3), Stream.root(0)).sources) == {"text"}


@pytest.mark.parametrize("task", [EASY, HARD])
def test_documents_of_arithmetic_are_right(task: WordProblems) -> None:
    """Every equation holds."""
    corpus = WordCorpus(task, (Source(ARITHMETIC, 1.0),))
    documents = corpus.documents("train", np.arange(200), Stream.root(0)).tokens
    assert documents.lengths.max() <= corpus.max_tokens
    for row in documents.lists():
        text = task.alphabet.text(np.array(row[1:-1]))
        equations = [line.split(" = ") for line in text.removesuffix(". ").split(". ")]
        assert len(equations) == 5
        for said, result in equations:
            assert run_block(said).value == int(result)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ((Source("program", 0.5),), "weights that sum to 1"),
        ((Source("prose", 1.0),), "unknown format 'prose'"),
        ((Source("text", 0.5), Source("text", 0.5)), "each once"),
        ((Source("text", 1.0, hard=True),), "a task for hard sources"),
    ],
)
def test_impossible_corpora_are_refused(sources: tuple[Source, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WordCorpus(EASY, sources)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": 0.0}, "above 0"),
        ({"wrong": 1.5}, "from 0 to 1"),
        ({"miscoded": ("plus",)}, "unknown operation"),
        ({"distinct": 0}, "1 or more documents"),
    ],
)
def test_impossible_sources_are_refused(values: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Source("text", **{"weight": 1.0, **values})
