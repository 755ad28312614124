"""Tasks by name, as the command line writes them: `parity:d=11,leap=2`."""

import dataclasses

from hone.core.contracts import Task
from hone.core.errors import UsageError, unknown
from hone.tasks.parity import Parity

TASKS = {"parity": Parity}


def parse_task(text: str) -> Task:
    """The task that a text such as `parity:d=11` names.

    Raises:
        UsageError: unknown task or field, or a value that is not an integer.
    """
    name, _, fields = text.partition(":")
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name](**dict(_field(name, item) for item in fields.split(",") if item))


def _field(task: str, item: str) -> tuple[str, int]:
    key, _, value = item.partition("=")
    known = [field.name for field in dataclasses.fields(TASKS[task])]
    if key not in known:
        raise unknown(f"field of task {task}", key, known)
    if not value.isdigit():
        raise UsageError(f"{task}: {key} = {value!r} is not possible; allowed: a whole number")
    return key, int(value)
