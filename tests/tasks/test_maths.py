"""Mathematical problems: what is read of a row, of a response, and what becomes of hostile ones."""

import dataclasses
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hone.core.contracts import Problems, Reading, Task
from hone.core.errors import UsageError
from hone.core.language_model import ModelTokens, tokens_of
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.core.vocabulary import PositionClass
from hone.runs.keys import describe, rebuild
from hone.tasks.maths import Forms, MathProblems, rows_of, scorer
from hone.tasks.maths.formats import computed, format_of
from hone.tasks.maths.scorer import Scorer
from tests.language_models import write_language_model
from tests.tasks.maths_examples import AIME, GSM8K, MATH, lines, many

pytest.importorskip("transformers")
pytest.importorskip("math_verify")

PROGRAM = "def simple_math_problem() -> int:\n    may = 48 // 2\n    return 48 + may\n"
TAGGED = "Code:\n<llm-code>\nmay = 48 // 2\n48 + may\n</llm-code>\nThe answer is \\boxed{72}."


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> ModelTokens:
    return tokens_of(write_language_model(tmp_path_factory.mktemp("model"), template=None))


@pytest.fixture
def task(tokens: ModelTokens, tmp_path: Path) -> MathProblems:
    train = rows_of(lines(tmp_path / "train.jsonl", many(40)))
    return MathProblems(train, tokens, 300, 600, rows_of(lines(tmp_path / "test.jsonl", GSM8K)))


def read(task: MathProblems, answer: str, *responses: str, whole: bool = True) -> Reading:
    """What the task reads in responses to one problem with that answer."""
    ids = [[*task.tokens.response(text), *([task.tokens.end] * whole)] for text in responses]
    return task.read(asked(task, answer, len(responses)), pack(ids), np.full(len(ids), whole))


def asked(task: MathProblems, answer: str, n: int) -> Problems:
    one = task.draw("validation", 1, Stream.root(0)).select(np.zeros(n, dtype=np.int64))
    return dataclasses.replace(one, answers=np.array([answer] * n, dtype=str))


# ------------------------------------------------------------------------------------- responses


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scorer]:
    """The scorer of this process, with less time."""
    made = Scorer(seconds=1)
    monkeypatch.setattr(scorer, "_scorer", lambda process: made)
    yield made
    made.close()


def test_a_scorer_that_hangs_costs_one_grade(task: MathProblems, impatient: Scorer) -> None:
    assert impatient.equal("a + b", "b + a") is True
    first = impatient._process
    assert first is not None
    found = read(task, "x + 1", "\\boxed{9^{9^{9^{9}}}}", "\\boxed{1 + x}", "\\boxed{x}")
    assert found.grades.tolist() == ["unscorable", "correct", "incorrect"]
    assert found.reasons[0] == "scorer"
    reward = task.reward("outcome", asked(task, "x + 1", 3), pack([[0]] * 3), found)
    np.testing.assert_array_equal(reward, [np.nan, 1.0, 0.0])
    assert first.returncode == -signal.SIGPROF  # killed, and another one went on
    assert impatient._process is not first


@pytest.mark.parametrize(
    ("response", "form", "grade"),
    [
        (PROGRAM, "program", "correct"),
        (TAGGED, "tagged", "correct"),
        ("48 and 24 make \\boxed{72}.", "text", "correct"),
        ("By definition, 72", "program", "correct"),  # as in the paper
        ("<llm-code>\nmay = 48 // 2\n</llm-code>\n\\boxed{72}", "tagged", "correct"),
        ("<llm-code>\n1 / 0\n</llm-code> The answer is \\boxed{72}.", "tagged", "correct"),
        ("<llm-code>\ndef f():\n    return 72\n</llm-code>\n\\boxed{1}", "tagged", "correct"),
        ("<llm-code>\na = 70\n</llm-code>..<llm-code>\na + 2\n</llm-code>", "tagged", "correct"),
        ("def f():\n    return 7 +\n\\boxed{72}", "program", "correct"),
        ("def f():\n    return 71\n# \\boxed{72}", "program", "incorrect"),
        ("def f():\n    return 72.0\n", "program", "correct"),
        ("", "text", "incorrect"),
    ],
)
def test_forms_and_grades(task: MathProblems, response: str, form: str, grade: str) -> None:
    found = read(task, "72", response)
    assert found.strategies.tolist() == [form]
    assert found.grades.tolist() == [grade]


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "return 9 ** 9 ** 9 ** 9",
        "return __import__('os').system('touch here')",
        "return open('/etc/passwd').read()",
        "return ().__class__.__base__.__subclasses__()",
        "return [0] * 10 ** 12",
        "return f()",
    ],
)
def test_hostile_programs_have_no_answer(body: str) -> None:
    assert computed(f"def f():\n    {body}").answer in ("", "9", "12")  # a number in it


def test_a_program_without_time_is_unscorable(
    task: MathProblems, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hone.tasks.maths import formats
    from hone.tasks.programs import ProgramFault, Reason

    def late(source: str) -> None:
        raise ProgramFault(Reason.TIME, "too late")

    monkeypatch.setattr(formats, "call_last", late)
    found = read(task, "7", "def late():\n    return 7\n# \\boxed{7}")
    assert found.grades.tolist() == ["unscorable"]


def test_responses_that_were_cut_off_have_no_answer(task: MathProblems) -> None:
    found = read(task, "72", PROGRAM, "\\boxed{72}", whole=False)
    assert found.grades.tolist() == ["incorrect"] * 2
    assert found.reasons.tolist() == ["truncated"] * 2
    assert found.answers.tolist() == [""] * 2
    assert found.strategies.tolist() == ["program", "text"]


def test_right_answers_are_written_as_the_reference_is(task: MathProblems) -> None:
    found = read(task, "1,234", "\\boxed{1234.0}", "$1234", "\\boxed{$7$}", "nothing")
    assert found.answers.tolist() == ["1,234", "1,234", "7", ""]
    assert found.reasons.tolist() == ["right", "right", "wrong", "malformed"]
    assert found.steps_correct.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("response", "decides", "answers"),
    [
        ("So it is \\boxed{72}.", "So", "72}."),
        (PROGRAM, "def", "48 + may\n"),
        ("Nothing at all", "Nothing", ""),
        ("\\boxed{72}", "\\boxed{", "72}"),
    ],
)
def test_classes_are_those_of_the_characters(
    task: MathProblems, response: str, decides: str, answers: str
) -> None:
    row = np.array([*task.tokens.response(response), task.tokens.end])
    classes = read(task, "72", response).classes[0]
    assert task.tokens.text(row[classes == PositionClass.DECIDE]) == decides
    assert task.tokens.text(row[classes == PositionClass.ANSWER]) == answers
    assert (classes == PositionClass.END).tolist() == [False] * (len(row) - 1) + [True]


def test_any_tokens_can_be_read(task: MathProblems) -> None:
    drawn = np.random.default_rng(0).integers(0, len(task.tokens), size=(30, 25))
    problems = asked(task, "-7.5", 30)
    found = task.read(problems, pack(drawn.tolist()), np.ones(30, dtype=bool))
    assert found.classes.shape == (30, 25)
    assert (found.grades == "incorrect").all()


# ------------------------------------------------------------------------------------------ task


def test_it_is_a_task(task: MathProblems) -> None:
    assert isinstance(task, Task)
    again = rebuild(json.loads(json.dumps(describe(task))))
    assert again == task
    assert hash(again) == hash(task)


def test_prompts_are_bare_questions_and_a_blank_line(task: MathProblems) -> None:
    problems = task.draw("validation", 2, Stream.root(0))
    said = {task.tokens.text(np.array(row)) for row in problems.prompts.lists()}
    assert said == {f"{row['question']}\n\n" for row in GSM8K}


def test_chat_models_get_a_turn(task: MathProblems, tmp_path: Path) -> None:
    chat = dataclasses.replace(task, tokens=tokens_of(write_language_model(tmp_path / "chat")))
    problems = chat.draw("validation", 2, Stream.root(0))
    said = {chat.tokens.text(np.array(row)) for row in problems.prompts.lists()}
    assert said == {f"user\n{row['question']}\nassistant\n" for row in GSM8K}


def test_all_problems_come_once_before_any_comes_again(task: MathProblems) -> None:
    problems = task.draw("train", 100, Stream.root(3))
    assert len(set(problems.ids[:40])) == len(set(problems.ids[40:80])) == 40
    same_again = task.draw("train", 100, Stream.root(3))
    assert (problems.ids == same_again.ids).all()
    assert (problems.ids[:40] != task.draw("train", 40, Stream.root(4)).ids).any()


def test_splits_share_no_question(tokens: ModelTokens, tmp_path: Path) -> None:
    rows = rows_of(lines(tmp_path / "a.jsonl", [*many(200), *many(50)]))
    task = MathProblems(rows, tokens, 300, 600)
    train, held_out = (set(task.draw(split, 250, Stream.root(0)).ids)
                       for split in ("train", "validation"))  # fmt: skip
    assert not train & held_out
    assert len(train | held_out) == 200
    assert 20 < len(held_out) < 80
    spaced = [row | {"question": row["question"].replace(" ", "  ")} for row in many(10)]
    two = MathProblems(rows, tokens, 300, 600, rows_of(lines(tmp_path / "b.jsonl", spaced)))
    assert len(set(two.draw("train", 250, Stream.root(0)).ids)) == 190
    assert len(set(two.draw("validation", 250, Stream.root(0)).ids)) == 10


@pytest.mark.parametrize("rows", [GSM8K, MATH])
@pytest.mark.parametrize(
    ("forms", "strategy"), [("worked", "worked"), ("worked", "answer"), ("formats", "text")]
)
def test_demonstrations_are_right(
    tokens: ModelTokens, tmp_path: Path, rows: list[dict], forms: Forms, strategy: str
) -> None:
    found = rows_of(lines(tmp_path / "a.jsonl", rows))
    task = MathProblems(found, tokens, 300, 600, found, forms)
    problems = task.draw("validation", 2, Stream.root(0))
    solutions = task.demonstrate(problems, strategy)
    reading = task.read(problems, solutions, np.ones(2, dtype=bool))
    assert (reading.grades == "correct").all()
    named = [format_of(text) for text in map(task.tokens.text, map(np.array, solutions.lists()))]
    assert reading.strategies.tolist() == (named if forms == "formats" else [strategy] * 2)
    ends = solutions.tokens[np.arange(2), solutions.lengths - 1]
    assert (ends == tokens.end).all()


def test_worked_solutions_are_the_datas_own(tokens: ModelTokens, tmp_path: Path) -> None:
    rows = rows_of(lines(tmp_path / "a.jsonl", GSM8K[:1]))
    task = MathProblems(rows, tokens, 300, 600, rows, "worked")
    problems = task.draw("validation", 1, Stream.root(0))
    said = [task.tokens.text(np.array(task.demonstrate(problems, name).lists()[0]))
            for name in task.strategies]  # fmt: skip
    assert said == [
        "She sold 48/2 = 24 clips in May.\nShe sold 48+24 = 72 clips altogether.\n\\boxed{72}",
        "\\boxed{72}",
    ]
    boxed = rows_of(lines(tmp_path / "b.jsonl", MATH[:1]))
    task = MathProblems(boxed, tokens, 300, 600, boxed, "worked")
    problems = task.draw("validation", 1, Stream.root(0))
    (tokens_of_it,) = task.demonstrate(problems, "worked").lists()
    assert task.tokens.text(np.array(tokens_of_it)) == MATH[0]["solution"]


def test_forcing_allows_the_opening_of_the_format(task: MathProblems) -> None:
    for strategy, response in (("program", PROGRAM), ("tagged", TAGGED[len("Code:\n") :])):
        allowed = task.constrain(strategy).allowed
        begun = task.tokens.response(response)[: len(allowed)]
        assert (allowed.sum(axis=1) == 1).all()
        assert allowed[np.arange(len(allowed)), begun].all()
    with pytest.raises(UsageError, match="can: program or tagged, as others"):
        task.constrain("text")
    with pytest.raises(UsageError, match="those that can: none"):
        dataclasses.replace(task, forms="worked").constrain("answer")


def test_what_cannot_be_is_refused(task: MathProblems, tmp_path: Path) -> None:
    for changed, message in (
        ({"prompt_tokens": 0}, "prompt_tokens = 0"),
        ({"max_tokens": 0}, "max_tokens = 0"),
    ):
        with pytest.raises(UsageError, match=message):
            dataclasses.replace(task, **changed)
    other = dataclasses.replace(task)
    object.__setattr__(other, "forms", "both")  # past the tests' type checks
    with pytest.raises(UsageError, match="allowed: formats or worked"):
        other.__post_init__()
    problems = task.draw("train", 2, Stream.root(0))
    with pytest.raises(UsageError, match="that can be demonstrated 'program'; known: text"):
        task.demonstrate(problems, "program")
    with pytest.raises(UsageError, match="unknown reward of maths 'process'"):
        task.reward("process", problems, problems.prompts, read(task, "1", "1", "2"))
    with pytest.raises(UsageError, match="prompt_tokens is 3: raise it"):
        dataclasses.replace(task, prompt_tokens=3).draw("train", 2, Stream.root(0))
    with pytest.raises(UsageError, match="max_tokens is 3: raise it"):
        dataclasses.replace(task, max_tokens=3).demonstrate(problems, "text")
    aime = rows_of(lines(tmp_path / "aime.jsonl", AIME))
    without = dataclasses.replace(task, validation=aime)
    with pytest.raises(UsageError, match="no worked solution of 'Find"):
        without.demonstrate(without.draw("validation", 1, Stream.root(0)), "text")
    alone = dataclasses.replace(task, rows=aime, validation=None)
    with pytest.raises(UsageError, match=r"has no (train|validation) problems among"):
        _ = [alone.draw(split, 1, Stream.root(0)) for split in ("train", "validation")]
