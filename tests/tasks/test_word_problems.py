"""Word problems: stories that hold together, told and solved in every format, read back."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from hone.core.contracts import Problems, Reading
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.models.tokenizer import read_alphabet, write_tokenizer
from hone.tasks.splits import place
from hone.tasks.word_problems import Part, WordProblems
from hone.tasks.word_problems.corpus import BACKGROUND, Source, WordCorpus
from hone.tasks.word_problems.formats import FORMATS, PROGRAM, WORKED_OR_NOT, Program
from hone.tasks.word_problems.stories import NUMBERS, OPERATIONS, canonical
from hone.tasks.word_problems.wording import SENTENCES, UNSEEN, parsed

ALL = OPERATIONS[1:]
EASY = WordProblems()
HARD = WordProblems(3, 8, 3, "large", ALL)
STYLED = WordProblems(formats=(PROGRAM, Program("documented", documented=True)))


def drawn(task: WordProblems, n: int = 64, part: Part = "train", seed: int = 0) -> Problems:
    return task.draw_part(part, n, Stream.root(seed))


def read(task: WordProblems, problems: Problems, texts: list[str], stopped: bool = True) -> Reading:
    """Responses given as text; every one ends if `stopped`."""
    rows = [[*tokenized(task, text), *([task.alphabet.eos] * stopped)] for text in texts]
    return task.read(problems, task.tokens(rows), np.full(len(rows), stopped))


def tokenized(task: WordProblems, text: str) -> list[str]:
    """A text's words, the longest that fits first."""
    longest_first = sorted(task.alphabet.symbols, key=len, reverse=True)
    found = re.findall("|".join(map(re.escape, longest_first)), text)
    assert "".join(found) == text
    return found


def solved(question: str) -> Fraction:
    """The answer of a question that is told in the first way only, by reading its sentences."""
    facts = {
        r"(\w+) has (\d+) \w+\.$": lambda v, a: Fraction(a),
        r"(\w+) has (\d+) more \w+ than (\w+)\.$": lambda v, a, s: v[s] + int(a),
        r"(\w+) has (\d+) fewer \w+ than (\w+)\.$": lambda v, a, s: v[s] - int(a),
        r"(\w+) has (\d+) times as many \w+ as (\w+)\.$": lambda v, a, s: v[s] * int(a),
        r"(\w+) has 1/(\d+) as many \w+ as (\w+)\.$": lambda v, a, s: v[s] / int(a),
        r"(\w+) has (\d+)/(\d+) as many \w+ as (\w+)\.$": lambda v, a, b, s: (
            v[s] * Fraction(int(a), int(b))
        ),
        r"(\w+) gets (\d+) \w+ for each of the \w+ of (\w+)\.$": lambda v, a, s: v[s] * int(a),
        r"(\w+) has as many \w+ as (\w+) and (\w+) together\.$": lambda v, s, o: v[s] + v[o],
    }
    *told, asked = re.split(r"(?<=\.) ", question)
    values: dict[str, Fraction] = {}
    while told:
        sentence = told.pop(0)
        (who, *fields), make = next(
            (found.groups(), make)
            for form, make in facts.items()
            if (found := re.match(form, sentence))
        )
        try:
            values[who] = make(values, *fields)
        except KeyError:
            told.append(sentence)  # of a quantity that is told later
    match = re.match(r"How many \w+ does (\w+) have\?$", asked)
    assert match
    return values[match.group(1)]


@pytest.mark.parametrize("task", [EASY, HARD, WordProblems(8, 8, 3, "small", ("part", "more"))])
def test_the_question_has_the_answer(task: WordProblems) -> None:
    """Read by itself, without the arrays it was made from, whatever the order of its facts."""
    problems = drawn(task)
    problems.latent["wording"][:] = 0
    problems.latent["asked"][:] = 0
    for story, answer in zip(task.stories(problems), problems.answers, strict=True):
        assert solved("".join(story.question)) == int(answer) == story.answer


@pytest.mark.parametrize("task", [EASY, HARD])
def test_stories_keep_to_their_bounds(task: WordProblems) -> None:
    problems, most = drawn(task, 300), NUMBERS[task.numbers]
    there = problems.latent["present"]
    values = problems.latent["value"][there]
    assert values.min() >= 1
    assert values.max() <= most.largest
    assert set(problems.difficulty) == set(range(task.low, task.high + 1))
    beside = there.sum(axis=1) - problems.difficulty - 1
    assert set(beside) == set(range(task.distractors + 1))
    used = {OPERATIONS[code] for code in problems.latent["operation"][:, 1:][there[:, 1:]]}
    assert used == set(task.operations)
    for story in task.stories(problems):
        assert len({step.name for step in story.steps}) == len(story.steps)


def test_every_wording_occurs_and_facts_are_shuffled() -> None:
    stories = EASY.stories(drawn(EASY, 400))
    questions = ["".join(story.question) for story in stories]
    for relation in ("start", "more", "asked"):
        for template in SENTENCES[relation]:
            pattern = re.sub(r"\\{\w+\\}", r"\\w+", re.escape(template.strip()))
            assert any(re.search(pattern, question) for question in questions), template
    in_order = [
        story.steps[0].name in question.split(". ")[0]
        for story, question in zip(stories, questions, strict=True)
    ]
    assert 0.2 < np.mean(in_order) < 0.9


def test_parts_are_disjoint_by_the_chain_alone() -> None:
    """Who has what, in which words and order, and what else is told, move no problem."""
    parts: dict[Part, set[bytes]] = {}
    for part in ("pretraining", "train", "validation"):
        problems = drawn(EASY, 500, part)
        words, there = canonical(problems.latent, EASY.high)
        parts[part] = {np.where(t, w, 2**20).tobytes() for w, t in zip(words, there, strict=True)}
    assert not parts["pretraining"] & parts["train"]
    assert not parts["train"] & parts["validation"]
    assert not parts["pretraining"] & parts["validation"]


def test_a_chain_has_one_place_however_much_room_there_is() -> None:
    wide = WordProblems(1, 8, 3)
    problems = drawn(wide, 100)
    problems = problems.select(problems.difficulty <= 3)
    narrow = {name: values[:, :4] if values.ndim == 2 else values
              for name, values in problems.latent.items()}  # fmt: skip
    np.testing.assert_array_equal(
        place(*canonical(problems.latent, 8)), place(*canonical(narrow, 3))
    )


@pytest.mark.parametrize("task", [EASY, HARD, STYLED])
def test_demonstrations_are_right_at_every_step_in_their_own_format(task: WordProblems) -> None:
    problems = drawn(task)
    for name in task.strategies:
        solutions = task.demonstrate(problems, name)
        reading = task.read(problems, solutions, np.ones(len(problems), dtype=bool))
        assert set(reading.grades) == {Grade.CORRECT.value}
        assert set(reading.strategies) == {name}
        np.testing.assert_array_equal(reading.steps_correct, reading.steps)
        np.testing.assert_array_equal(reading.steps, problems.difficulty + 2)
        assert max(solutions.lengths) <= task.max_tokens
        assert max(problems.prompts.lengths) <= task.prompt_tokens
        assert set(task.reward("process", problems, solutions, reading)) == {1.0}
        constraint = task.constrain(name).allowed
        other = next(each for each in task.strategies if each != name)
        elsewhere = task.constrain(other).allowed
        for row in solutions.lists():
            assert constraint[np.arange(len(constraint)), row[: len(constraint)]].all()
            assert not elsewhere[np.arange(len(elsewhere)), row[: len(elsewhere)]].all()


def test_the_whole_of_a_problem_in_each_format() -> None:
    problems = drawn(EASY, 200)
    row = next(
        row for row, story in enumerate(EASY.stories(problems))
        if [step.operation for step in story.steps] == ["start", "times", "fewer"]
    )  # fmt: skip
    story = EASY.stories(problems)[row]
    (a, b, c), (x, f, d) = (
        [step.name for step in story.steps],
        [step.amount for step in story.steps],
    )
    noun, y, z = story.steps[0].noun, x * f, x * f - d
    assert ["".join(each.write(story)) for each in FORMATS] == [
        f"def simple_math_problem() -> int:\n    {a} = {x}\n    {b} = {f} * {a}\n"
        f"    {c} = {b} - {d}\n    return {c}",
        f"<llm-code>\n{a}_{noun} = {x}\n{b}_{noun} = {f} * {a}_{noun}\n"
        f"{c}_{noun} = {b}_{noun} - {d}\n{c}_{noun}\n</llm-code>\n"
        f"<llm-code-output>\n{z}\n</llm-code-output>\nThe answer is \\boxed{{{z}}}.",
        f"{a} has {x} {noun}. {b} has {f} * {x} = {y} {noun}. "
        f"{c} has {y} - {d} = {z} {noun}. The answer is \\boxed{{{z}}}.",
    ]


ONE = drawn(EASY.__class__(1, 1, 0, operations=("more",)), 1)
ANSWER, NAME = int(ONE.answers[0]), EASY.stories(ONE)[0].steps[-1].name


@pytest.mark.parametrize(
    ("text", "strategy", "grade", "reason"),
    [
        (f"def simple_math_problem() -> int:\n    {NAME} = {ANSWER}\n    return {NAME}",
         "program", "correct", "right"),
        (f"def simple_math_problem() -> int:\n    {NAME} = {ANSWER} + 1\n    return {NAME}",
         "program", "incorrect", "wrong"),
        ("def simple_math_problem() -> int:\n    return Leo", "program", "incorrect", "malformed"),
        (f"def simple_math_problem() -> int:\n    {NAME} = 1 // 0\n    return {NAME}",
         "program", "incorrect", "malformed"),
        # what is printed is never checked where the code runs, as in the paper's released scorer
        (f"<llm-code>\n{NAME} = {ANSWER}\n{NAME}\n</llm-code>\n<llm-code-output>\n99\n"
         "</llm-code-output>\nThe answer is \\boxed{98}.", "tagged", "correct", "right"),
        # a block that ends in an assignment has no value: the box counts
        (f"<llm-code>\n{NAME} = 7\n</llm-code>\nThe answer is \\boxed{{{ANSWER}}}.",
         "tagged", "correct", "right"),
        ("<llm-code>\n</llm-code>\n", "tagged", "incorrect", "malformed"),
        (f"{NAME} has 1 + 1 = 99 pens. The answer is \\boxed{{{ANSWER}}}.",
         "text", "correct", "right"),
        ("Leo has 3 pens. ", "text", "incorrect", "malformed"),
        ("12 + 5 = 17. ", OTHER, "incorrect", "malformed"),
        ("", OTHER, "incorrect", "malformed"),
    ],
)  # fmt: skip
def test_reading(text: str, strategy: str, grade: str, reason: str) -> None:
    reading = read(EASY, ONE, [text])
    assert (reading.strategies[0], reading.grades[0], reading.reasons[0]) == (
        strategy, grade, reason,
    )  # fmt: skip


def test_what_was_cut_off_has_no_answer() -> None:
    text = f"{NAME} has 3 pens. The answer is \\boxed{{{ANSWER}}}."
    reading = read(EASY, ONE, [text], stopped=False)
    assert (reading.grades[0], reading.reasons[0], reading.answers[0]) == (
        "incorrect", "truncated", "",
    )  # fmt: skip


def test_a_lucky_answer_is_not_right_at_every_step() -> None:
    reading = read(EASY, ONE, [f"Leo has 3 pens. The answer is \\boxed{{{ANSWER}}}."])
    assert reading.grades[0] == Grade.CORRECT
    assert reading.steps_correct[0] < reading.steps[0]
    assert EASY.reward("process", ONE, EASY.tokens([[]]), reading)[0] == 0


@given(st.lists(st.integers(0, len(EASY.alphabet) - 1), max_size=40), st.booleans())
def test_any_tokens_can_be_read(tokens: list[int], stopped: bool) -> None:
    symbols = [EASY.alphabet.symbols[token] for token in tokens if token != EASY.alphabet.end]
    row = [*symbols, *([EASY.alphabet.eos] if stopped else [])] or [EASY.alphabet.pad]
    reading = EASY.read(ONE, EASY.tokens([row]), np.array([stopped]))
    assert reading.grades[0] in (Grade.CORRECT, Grade.INCORRECT)
    assert 0 <= reading.steps_correct[0] <= reading.steps[0]
    assert (reading.classes[0] != PositionClass.PAD).all()


def test_classes_say_what_a_token_does() -> None:
    text = f"{NAME} has 3 pens. The answer is \\boxed{{12}}."
    classes = read(EASY, ONE, [text]).classes[0]
    found = dict(zip([*tokenized(EASY, text), "end"], map(PositionClass, classes), strict=True))
    assert found[NAME] == PositionClass.DECIDE
    assert found[" has "] == found["\\boxed{"] == PositionClass.EXECUTE
    assert found["1"] == found["2"] == found["}."] == PositionClass.ANSWER
    assert found["end"] == PositionClass.END


def test_unseen_wordings_are_other_sentences_of_the_same_words() -> None:
    always = {
        word for name in ("start", "asked") for way in SENTENCES[name] for word in parsed(way)
    }
    for relation, ways in UNSEEN.items():
        seen = always | {word for way in SENTENCES[relation] for word in parsed(way)}
        for way in ways:
            assert way not in SENTENCES[relation]
            assert set(parsed(way)) <= seen, way
    task = WordProblems(operations=ALL, wording="unseen")
    assert task.alphabet == WordProblems(operations=ALL).alphabet


def test_a_tokenizer_of_hugging_face_cuts_documents_into_the_same_words(tmp_path: Path) -> None:
    sources = (Source("program", 0.3), Source("tagged", 0.3, wrong=0.5), Source("text", 0.2),
               Source(BACKGROUND, 0.2))  # fmt: skip
    corpus = WordCorpus(HARD, sources)
    write_tokenizer(corpus.alphabet, tmp_path)
    assert read_alphabet(tmp_path) == corpus.alphabet
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    for row in corpus.documents("train", np.arange(200), Stream.root(0)).tokens.lists():
        text = corpus.alphabet.text(np.array(row))
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == row
        assert tokenizer.decode(row) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 0}, "low, high"),
        ({"high": 9}, "1 to 8 steps"),
        ({"distractors": 4}, "0 to 3"),
        ({"operations": ("plus",)}, "unknown operation of word_problems 'plus'"),
        ({"operations": ()}, "one or more"),
        ({"formats": (PROGRAM, PROGRAM)}, "all different"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WordProblems(**change)


def test_stories_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="allow more operations"):
        drawn(WordProblems(8, 8, 0, "small", ("times",)))


def test_plain_texts_are_those_of_the_tokens_without_their_marks() -> None:
    problems, whole = HARD.draw("train", 40, Stream.root(1)), np.ones(40, dtype=bool)
    for text, row in zip(HARD.text.prompts(problems), problems.prompts.lists(), strict=True):
        assert HARD.alphabet.text(np.array(row)) == f"<bos>{text}\n\n"
    for strategy in HARD.strategies:
        texts = HARD.text.demonstrations(problems, strategy)
        read = HARD.text.read(problems, texts, whole)
        assert set(read.grades) == {Grade.CORRECT}
        assert set(read.strategies) == {strategy}
        assert (read.steps_correct == read.steps).all()
        for text, spans in zip(texts, read.spans, strict=True):
            assert "".join(text[span.start : span.end] for span in spans) == text
            positions = [span.position for span in spans]
            assert positions == [PositionClass.DECIDE, PositionClass.EXECUTE, PositionClass.ANSWER]


def test_openings_are_of_one_format_alone() -> None:
    problems = HARD.draw("train", 30, Stream.root(1))
    assert set(HARD.text.openings) == {"program", "tagged"}  # sentences begin with any name
    for strategy in HARD.strategies:
        for text in HARD.text.demonstrations(problems, strategy):
            begun = {
                name for name, opening in HARD.text.openings.items() if text.startswith(opening)
            }
            assert begun == {strategy} & set(HARD.text.openings)


class TestWorkedOrNot:
    """The two formats that differ in whether there is a solution at all."""

    TASK = WordProblems(formats=WORKED_OR_NOT)

    @given(st.integers(0, 1000))
    def test_both_are_told_apart_and_right(self, seed: int) -> None:
        problems = self.TASK.draw("train", 8, Stream.root(seed))
        for strategy, steps in (("worked", problems.difficulty + 2), ("answer", 0)):
            responses = self.TASK.demonstrate(problems, strategy)
            reading = self.TASK.read(problems, responses, np.ones(8, dtype=bool))
            assert set(reading.strategies) == {strategy}
            assert set(reading.grades) == {"correct"}
            assert (reading.steps_correct == steps).all()

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("The answer is \\boxed{12}.", "answer"),
            ("The answer is \\boxed{12}", "other"),
            ("The answer is 12.", "other"),
            ("The answer is \\boxed{1}. The answer is \\boxed{2}.", "other"),
            ("Ada has 12 pens. The answer is \\boxed{12}.", "worked"),
        ],
    )
    def test_nothing_may_stand_beside_the_answer_alone(self, text: str, name: str) -> None:
        found = [each.name for each in WORKED_OR_NOT if each.read(text) is not None]
        assert found == [name] * (name != "other")
