"""What becomes of a program: an outcome, or a fault."""

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hone.tasks.programs.dialect import Program, parse
from hone.tasks.programs.expressions import evaluate
from hone.tasks.programs.faults import ProgramFault, Reason
from hone.tasks.programs.frames import TOP_LEVEL, Frame
from hone.tasks.programs.limits import Limits, Meter
from hone.tasks.programs.statements import Function, define, run
from hone.tasks.programs.values import NUMBERS, Value

_DEFAULT = Limits()
_PYTHONS_OWN = (ArithmeticError, LookupError, NameError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Outcome:
    """What a program computed.

    Attributes:
        value: finite.
        assigned: every name and number assigned by the function or block itself, in order; the
            targets of its for statements included, those of comprehensions not.
        output: what was printed.
    """

    value: int | float
    assigned: tuple[tuple[str, int | float], ...]
    output: str


def call_last(source: str, limits: Limits = _DEFAULT) -> Outcome:
    """Run a program and call its last function, without arguments.

    Raises:
        ProgramFault: there is no outcome; no other exception leaves this function.
    """
    return _guarded(_call_last, source, limits)


def run_block(source: str, limits: Limits = _DEFAULT) -> Outcome:
    """Run a program whose last line is the expression that is asked for.

    Raises:
        ProgramFault: there is no outcome; no other exception leaves this function.
    """
    return _guarded(_run_block, source, limits)


def _guarded(outcome: Callable[[str, Frame], Outcome], source: str, limits: Limits) -> Outcome:
    """Make faults of the exceptions that Python's own operations raise."""
    top = Frame(Meter(limits), {}, TOP_LEVEL)
    try:
        return outcome(source, top)
    except (RecursionError, MemoryError) as error:  # a caller deep down leaves fewer levels
        raise ProgramFault(Reason.LIMIT, type(error).__name__) from error
    except _PYTHONS_OWN as error:
        raise ProgramFault(Reason.ERROR, f"{type(error).__name__}: {error}") from error
    finally:
        top.values.clear()  # functions refer to the frame that refers to them


def _call_last(source: str, top: Frame) -> Outcome:
    program = _parsed(source, top.meter)
    functions = _run_top(program, program.statements, top)
    if not functions:
        raise ProgramFault(Reason.NO_RESULT, "no function to call")
    frame = functions[-1].call((), {})
    return _outcome(frame.returned, frame)


def _run_block(source: str, top: Frame) -> Outcome:
    program = _parsed(source, top.meter)
    last = program.statements[-1] if program.statements else None
    if not isinstance(last, ast.Expr):
        raise ProgramFault(Reason.NO_RESULT, "the last line is no expression")
    _run_top(program, program.statements[:-1], top)
    return _outcome(evaluate(last.value, top), top)


def _parsed(source: str, meter: Meter) -> Program:
    program = parse(source, meter.limits)
    meter.descend(program.height)
    return program


def _run_top(program: Program, statements: Sequence[ast.stmt], top: Frame) -> list[Function]:
    """Run statements of the top level; which functions they define."""
    functions = []
    for node in statements:
        if isinstance(node, ast.FunctionDef):
            functions.append(define(node, program.heights[node], top))
        else:
            run([node], top)
    return functions


def _outcome(value: Value, frame: Frame) -> Outcome:
    if type(value) not in NUMBERS:
        raise ProgramFault(Reason.NO_RESULT, f"{type(value).__name__} is no number")
    if not -math.inf < value < math.inf:
        raise ProgramFault(Reason.NO_RESULT, f"{value} is not finite")
    return Outcome(+value, tuple(frame.assigned), frame.meter.output)
