"""Tasks by name, as the command line writes them: `parity:d=11,leap=2`."""

import dataclasses
import inspect
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hone.core.contracts import Task
from hone.core.errors import UsageError, require, unknown
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.field_arithmetic.compositions import FieldCompositions
from hone.tasks.multiplication import Multiplication
from hone.tasks.parity import Parity
from hone.tasks.word_problems import WordProblems

TASKS = {
    task.name: task
    for task in (Parity, Multiplication, FieldArithmetic, FieldCompositions, WordProblems)
}
EXAMPLES = {
    "parity": "parity:d=11",
    "multiplication": "multiplication:n=3,m=2",
    "field_arithmetic": "field_arithmetic:low=6,high=9",
    "field_compositions": "field_compositions:fewest=3,most=5",
    "word_problems": "word_problems:low=2,high=4",
}
"""How each task is written with fields of its own."""
_KINDS = {int: "a whole number", float: "a number"}


def parse_task(text: str) -> Task:
    """The task that a text such as `parity:d=11` names.

    Raises:
        UsageError: unknown task or field, a value of the wrong kind, or a field that is missing.
    """
    name, colon, fields = text.partition(":")
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    items = fields.split(",") if colon else []
    if "" in items:
        raise UsageError(f"task {text} has an empty field; write e.g. {EXAMPLES[name]}")
    given = dict(_field(name, item) for item in items)
    asked = inspect.signature(TASKS[name]).parameters.values()
    absent = [each.name for each in asked if each.default is each.empty and each.name not in given]
    if absent:
        raise UsageError(f"task {text} lacks {', '.join(absent)}; write e.g. {EXAMPLES[name]}")
    return TASKS[name](**given)


def _field(task: str, item: str) -> tuple[str, Any]:
    key, _, value = item.partition("=")
    kinds = get_type_hints(TASKS[task])
    known = [field.name for field in dataclasses.fields(TASKS[task]) if _in_text(kinds[field.name])]
    if key not in known:
        raise unknown(f"field of task {task}", key, known)
    if get_origin(kinds[key]) is Literal:
        choices = get_args(kinds[key])
        require(value in choices, key, value, " or ".join(choices))
        return key, value
    if get_origin(kinds[key]) is tuple:
        return key, tuple(value.split("+"))
    try:
        return key, kinds[key](value)
    except ValueError:
        raise UsageError(
            f"{task}: {key} = {value!r} is not possible; allowed: {_KINDS[kinds[key]]}"
        ) from None


def _in_text(kind: Any) -> bool:
    """Whether a text can say a value of this type."""
    return kind in _KINDS or get_origin(kind) is Literal or kind == tuple[str, ...]
