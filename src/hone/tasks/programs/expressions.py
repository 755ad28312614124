"""Expressions: their values, by the type of node."""

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from hone.tasks.programs import operations
from hone.tasks.programs.dialect import format_of
from hone.tasks.programs.frames import Frame, Scope
from hone.tasks.programs.library import attribute
from hone.tasks.programs.values import (
    SCALARS,
    Callee,
    Lazy,
    Value,
    collect,
    item,
    iterate,
    key,
    lazy,
    set_item,
    string,
    weigh,
)


def evaluate(node: Any, frame: Frame) -> Value:
    """The value of an expression, which costs a step."""
    meter = frame.meter
    meter.spent += 1
    if meter.spent >= meter.next_look:
        meter.look()
    return _EVALUATE[type(node)](node, frame)


def _constant(node: ast.Constant, _: Frame) -> Value:
    return node.value


def _name(node: ast.Name, frame: Frame) -> Value:
    return frame.find(node.id)


def _binary(node: ast.BinOp, frame: Frame) -> Value:
    left, right = evaluate(node.left, frame), evaluate(node.right, frame)
    return operations.binary(frame.meter, type(node.op), left, right)


def _unary(node: ast.UnaryOp, frame: Frame) -> Value:
    return operations.unary(type(node.op), evaluate(node.operand, frame))


def _boolean(node: ast.BoolOp, frame: Frame) -> Value:
    ends_on = isinstance(node.op, ast.Or)
    value = None
    for part in node.values:
        value = evaluate(part, frame)
        if bool(value) is ends_on:
            return value
    return value


def _comparison(node: ast.Compare, frame: Frame) -> bool:
    left = evaluate(node.left, frame)
    for sign, other in zip(node.ops, node.comparators, strict=True):
        right = evaluate(other, frame)
        if not operations.compare(frame.meter, type(sign), left, right):
            return False
        left = right
    return True


def _conditional(node: ast.IfExp, frame: Frame) -> Value:
    return evaluate(node.body if evaluate(node.test, frame) else node.orelse, frame)


def _call(node: ast.Call, frame: Frame) -> Value:
    callee = evaluate(node.func, frame)
    if type(callee) is not Callee:
        raise TypeError(f"{type(callee).__name__} cannot be called")
    given = [evaluate(argument, frame) for argument in node.args]
    named = {each.arg or "": evaluate(each.value, frame) for each in node.keywords}
    return callee.invoke(frame.meter, *given, **named)


def _attribute(node: ast.Attribute, frame: Frame) -> Value:
    return attribute(evaluate(node.value, frame), node.attr)


def _subscript(node: ast.Subscript, frame: Frame) -> Value:
    container = evaluate(node.value, frame)
    return item(frame.meter, container, evaluate(node.slice, frame))


def _slice(node: ast.Slice, frame: Frame) -> slice:
    parts = (node.lower, node.upper, node.step)
    return slice(*(None if part is None else evaluate(part, frame) for part in parts))


def _list(node: ast.List | ast.Tuple, frame: Frame) -> list[Value]:
    frame.meter.allow_items(len(node.elts))
    return [evaluate(part, frame) for part in node.elts]


def _tuple(node: ast.Tuple, frame: Frame) -> tuple[Value, ...]:
    return tuple(_list(node, frame))


def _dict(node: ast.Dict, frame: Frame) -> dict[Value, Value]:
    frame.meter.allow_items(len(node.keys))
    return {
        key(frame.meter, evaluate(name, frame)): evaluate(value, frame)
        for name, value in zip(node.keys, node.values, strict=True)
    }


def _joined(node: ast.JoinedStr, frame: Frame) -> str:
    return string(frame.meter, "".join(evaluate(part, frame) for part in node.values))


def _formatted(node: ast.FormattedValue, frame: Frame) -> str:
    value, form = evaluate(node.value, frame), format_of(node)
    if type(value) not in SCALARS:
        weigh(frame.meter, value)
    return string(frame.meter, format(value, form))


# -------------------------------------------------------------------------- comprehensions


def _list_of(node: ast.ListComp, frame: Frame) -> list[Value]:
    return collect(frame.meter, _generator(node, frame))


def _generator(node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> Lazy:
    """Its first source is evaluated here and now, in the frame around it, as in Python."""
    first = evaluate(node.generators[0].iter, frame)
    inner = frame.inner({}, Scope([clause.target for clause in node.generators]))
    items = _generate(node.generators, node.elt, inner, iterate(frame.meter, first))
    return lazy(frame.meter, items, first)


def _generate(
    clauses: Sequence[ast.comprehension], element: ast.expr, frame: Frame, source: Iterator[Value]
) -> Iterator[Value]:
    clause, rest = clauses[0], clauses[1:]
    for each in source:
        assign(clause.target, each, frame)
        if not all(evaluate(test, frame) for test in clause.ifs):
            continue
        if rest:
            inner = iterate(frame.meter, evaluate(rest[0].iter, frame))
            yield from _generate(rest, element, frame, inner)
        else:
            yield evaluate(element, frame)


# ------------------------------------------------------------------------------ assignment


def assign(target: ast.expr, value: Value, frame: Frame) -> None:
    """Give a name, an item of something, or several of these a value."""
    if isinstance(target, ast.Name):
        frame.assign(target.id, value)
    elif isinstance(target, ast.Subscript):
        container = evaluate(target.value, frame)
        set_item(frame.meter, container, evaluate(target.slice, frame), value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(target.elts, value, frame)


def _unpack(targets: Sequence[ast.expr], value: Value, frame: Frame) -> None:
    items = list(islice(iterate(frame.meter, value), len(targets) + 1))
    if len(items) != len(targets):
        raise ValueError(f"there are not {len(targets)} values to assign")
    for target, each in zip(targets, items, strict=True):
        assign(target, each, frame)


_EVALUATE: dict[type[ast.AST], Callable[[Any, Frame], Value]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: _call,
    ast.Compare: _comparison,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.FormattedValue: _formatted,
    ast.GeneratorExp: _generator,
    ast.IfExp: _conditional,
    ast.JoinedStr: _joined,
    ast.List: _list,
    ast.ListComp: _list_of,
    ast.Name: _name,
    ast.Slice: _slice,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.UnaryOp: _unary,
}
