"""What Python itself makes of programs; a script, to be run in a process of its own.

`python -m tests.tasks.programs_reference COUNT SEED` compares that many random programs, and prints
as JSON how many agree, how many were not compared, and those that disagree. Only programs that the
interpreter has found to be in the dialect, and to end, are ever executed.
"""

import __future__

import ast
import contextlib
import io
import json
import math
import random
import resource
import signal
import sys
import warnings
from collections import Counter
from itertools import islice
from typing import Any

import psutil

from hone.tasks.programs import Outcome, ProgramFault, Reason
from tests.tasks.programs_fuzz import ENTRIES, LIMITS, programs

NOT_COMPARED = (Reason.FORBIDDEN, Reason.LIMIT, Reason.TIME, Reason.NO_RESULT)


def pythons_own(entry: str, source: str) -> tuple[str, str] | None:
    """Value and output, or None where Python has no finite number."""
    printed = io.StringIO()
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with contextlib.redirect_stdout(printed):
            value = _run(entry, ast.parse(source))
    except Exception:  # noqa: BLE001 whatever a program raises
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if type(value) not in (int, float, bool) or not -math.inf < value < math.inf:
        return None
    return repr(+value), printed.getvalue()


def _run(entry: str, tree: ast.Module) -> Any:
    names: dict[str, Any] = {}
    if entry == "call_last":
        last = [node for node in tree.body if isinstance(node, ast.FunctionDef)][-1]
        after = tree.body.index(last) + 1
        tree.body[after:after] = ast.parse(f"_last = {last.name}").body
        _execute(tree, names)
        return names["_last"]()
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    _execute(tree, names)
    named = ast.parse("_value = 0").body[0]
    assert isinstance(named, ast.Assign)
    named.value = last.value
    _execute(ast.Module([named], []), names)
    return names["_value"]


def _execute(tree: ast.Module, names: dict[str, Any]) -> None:
    flags = __future__.annotations.compiler_flag  # the interpreter ignores annotations
    code = compile(ast.fix_missing_locations(tree), "<program>", "exec", flags, dont_inherit=True)
    exec(code, names)  # noqa: S102


def compare(count: int, seed: int) -> dict[str, Any]:
    """How many programs agree, and which do not."""
    counts: Counter[str] = Counter()
    disagreements = []
    for entry, source in islice(programs(random.Random(seed)), count):
        try:
            outcome = ENTRIES[entry](source, LIMITS)
        except ProgramFault as fault:
            if fault.reason in NOT_COMPARED:
                counts[fault.reason] += 1
                continue
            outcome = fault
        expected = pythons_own(entry, source)
        ours = _seen(outcome)
        counts["value" if ours else "failure"] += 1
        if ours != expected:
            disagreements.append([source, entry, repr(outcome), expected])
    return {"counts": dict(counts), "disagreements": disagreements[:5]}


def _seen(outcome: Outcome | ProgramFault) -> tuple[str, str] | None:
    return (repr(outcome.value), outcome.output) if isinstance(outcome, Outcome) else None


def _give_up(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _give_up)
    space = psutil.Process().memory_info().vms + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
    print(json.dumps(compare(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
