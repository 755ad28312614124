"""Arithmetic and comparisons, whose work is bounded before it is done."""

import ast
import operator
from collections.abc import Callable
from typing import Any

from hone.tasks.programs.faults import forbidden
from hone.tasks.programs.limits import Meter
from hone.tasks.programs.values import (
    CONTAINERS,
    NUMBERS,
    SEQUENCES,
    SIZED,
    Lazy,
    Value,
    collect,
    iterate,
    weigh,
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
OPERATORS = frozenset({*_BINARY, *_UNARY, *_ORDER, ast.Not, ast.In, ast.NotIn})


def binary(meter: Meter, sign: type[ast.operator], left: Value, right: Value) -> Value:
    """An operation on two numbers, or the joining or repetition of sequences.

    Raises:
        TypeError: there is no such operation on these types.
        ArithmeticError: a division by zero, or a float too large.
    """
    if type(left) in NUMBERS and type(right) in NUMBERS:
        if sign is ast.Pow:
            _allow_power(meter, left, right)
        return meter.number(_BINARY[sign](left, right))
    _allow_sequences(meter, sign, left, right)
    return _BINARY[sign](left, right)


def in_place(meter: Meter, sign: type[ast.operator], left: Value, right: Value) -> Value:
    """The same for an augmented assignment, which changes a list instead of making one.

    Raises:
        TypeError: there is no such operation on these types.
        ArithmeticError: a division by zero, or a float too large.
    """
    if type(left) is not list or sign not in (ast.Add, ast.Mult):
        return binary(meter, sign, left, right)
    if sign is ast.Add:
        right = collect(meter, right)
    _allow_sequences(meter, sign, left, right)
    if sign is ast.Add:
        left += right
    else:
        left *= right
    return left


def power(meter: Meter, /, base: Value, exp: Value, mod: Value = None) -> Value:
    """`pow`.

    Raises:
        TypeError: not of numbers.
        ArithmeticError: zero to a negative power, or a float too large.
        ValueError: the modulus is zero, or the base has no inverse.
    """
    if mod is None:
        return binary(meter, ast.Pow, base, exp)
    if type(exp) in (int, bool):
        meter.spend(exp.bit_length())
    return pow(base, exp, mod)


def _allow_power(meter: Meter, base: Value, exponent: Value) -> None:
    """Refuse a power that must be too large; what is not refused has at most twice the bits."""
    if type(base) is not float and type(exponent) is not float:
        meter.integer_of((base.bit_length() - 1) * exponent)


def _allow_sequences(meter: Meter, sign: type[ast.operator], left: Value, right: Value) -> None:
    if sign is ast.Mod and type(left) is str:
        raise forbidden("formatting by %")
    if sign is ast.Add and type(left) is type(right) and type(left) in SEQUENCES:
        _allow_length(meter, left, len(left) + len(right))
    elif sign is ast.Mult and type(left) in SEQUENCES and type(right) in (int, bool):
        _allow_length(meter, left, len(left) * max(right, 0))
    elif sign is ast.Mult and type(right) in SEQUENCES and type(left) in (int, bool):
        _allow_length(meter, right, len(right) * max(left, 0))
    else:
        raise TypeError(f"{sign.__name__} of {type(left).__name__} and {type(right).__name__}")


def _allow_length(meter: Meter, sequence: Value, length: int) -> None:
    (meter.string_of if type(sequence) is str else meter.sequence_of)(length)


def unary(sign: type[ast.unaryop], operand: Value) -> Value:
    """`not` of anything, or the sign of a number.

    Raises:
        TypeError: not a number.
    """
    return not operand if sign is ast.Not else _UNARY[sign](operand)


def compare(meter: Meter, sign: type[ast.cmpop], left: Value, right: Value) -> bool:
    """A comparison, or whether something is in something.

    Raises:
        TypeError: values of these types cannot be compared so.
    """
    if sign is ast.In:
        return _contains(meter, right, left)
    if sign is ast.NotIn:
        return not _contains(meter, right, left)
    if type(left) in CONTAINERS and type(right) in CONTAINERS:
        weigh(meter, left)
        weigh(meter, right)
    return _ORDER[sign](left, right)


def _contains(meter: Meter, container: Value, wanted: Value) -> bool:
    kind = type(container)
    if kind is Lazy:
        return any(
            found is wanted or compare(meter, ast.Eq, found, wanted)
            for found in iterate(meter, container)
        )
    if kind not in SIZED:
        raise TypeError(f"nothing is in {kind.__name__}")
    _allow_search(meter, container, wanted)
    return wanted in container


def _allow_search(meter: Meter, container: Value, wanted: Value) -> None:
    kind = type(container)
    at_once = kind is dict or (kind is range and type(wanted) in (int, bool))
    if not at_once:
        meter.spend(len(container))
    if kind in CONTAINERS and type(wanted) in CONTAINERS:
        weigh(meter, container)
        weigh(meter, wanted)
