"""Statements, by the type of node, and the functions that programs define."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from hone.tasks.programs.expressions import assign, evaluate
from hone.tasks.programs.frames import Frame, Scope
from hone.tasks.programs.library import MATH, MATH_MODULE
from hone.tasks.programs.limits import Meter
from hone.tasks.programs.operations import in_place
from hone.tasks.programs.values import Callee, Value, item, iterate, set_item


class Flow(Enum):
    """How a statement ends that is not followed by the next one."""

    BREAK = auto()
    CONTINUE = auto()
    RETURN = auto()


def run(body: Sequence[ast.stmt], frame: Frame) -> Flow | None:
    """Run statements, each of which costs a step, up to one that leads elsewhere."""
    for node in body:
        frame.meter.spend()
        flow = _RUN[type(node)](node, frame)
        if flow is not None:
            return flow
    return None


def _expression(node: ast.Expr, frame: Frame) -> None:
    evaluate(node.value, frame)


def _assign(node: ast.Assign, frame: Frame) -> None:
    value = evaluate(node.value, frame)
    for target in node.targets:
        assign(target, value, frame)


def _annotated(node: ast.AnnAssign, frame: Frame) -> None:
    if node.value is not None:
        assign(node.target, evaluate(node.value, frame), frame)


def _augmented(node: ast.AugAssign, frame: Frame) -> None:
    target, meter, sign = node.target, frame.meter, type(node.op)
    if isinstance(target, ast.Name):
        old = frame.find(target.id)
        frame.assign(target.id, in_place(meter, sign, old, evaluate(node.value, frame)))
    elif isinstance(target, ast.Subscript):
        container, index = evaluate(target.value, frame), evaluate(target.slice, frame)
        old = item(meter, container, index)
        new = in_place(meter, sign, old, evaluate(node.value, frame))
        set_item(meter, container, index, new)


def _if(node: ast.If, frame: Frame) -> Flow | None:
    return run(node.body if evaluate(node.test, frame) else node.orelse, frame)


def _while(node: ast.While, frame: Frame) -> Flow | None:
    while evaluate(node.test, frame):
        flow = run(node.body, frame)
        if flow is Flow.BREAK:
            return None
        if flow is Flow.RETURN:
            return flow
    return run(node.orelse, frame)


def _for(node: ast.For, frame: Frame) -> Flow | None:
    for each in iterate(frame.meter, evaluate(node.iter, frame)):
        assign(node.target, each, frame)
        flow = run(node.body, frame)
        if flow is Flow.BREAK:
            return None
        if flow is Flow.RETURN:
            return flow
    return run(node.orelse, frame)


def _return(node: ast.Return, frame: Frame) -> Flow:
    if node.value is not None:
        frame.returned = evaluate(node.value, frame)
    return Flow.RETURN


def _flow(flow: Flow | None, *_: Any) -> Flow | None:
    return flow


def _import(node: ast.Import, frame: Frame) -> None:
    for each in node.names:
        frame.assign(each.asname or each.name, MATH_MODULE)


def _import_from(node: ast.ImportFrom, frame: Frame) -> None:
    for each in node.names:
        frame.assign(each.asname or each.name, MATH[each.name])


_RUN: dict[type[ast.AST], Callable[[Any, Frame], Flow | None]] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.Break: partial(_flow, Flow.BREAK),
    ast.Continue: partial(_flow, Flow.CONTINUE),
    ast.Expr: _expression,
    ast.For: _for,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Pass: partial(_flow, None),
    ast.Return: _return,
    ast.While: _while,
}


# ------------------------------------------------------------------------------- functions


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the program.

    Attributes:
        node: its syntax.
        height: levels of the syntax.
        scope: its names.
        defaults: of its last parameters.
        top: the frame that it was defined in.
    """

    node: ast.FunctionDef
    height: int
    scope: Scope
    defaults: dict[str, Value]
    top: Frame

    def call(self, given: Sequence[Value], named: dict[str, Value]) -> Frame:
        """Run it; the frame has what it returned.

        Raises:
            TypeError: the arguments do not fit.
        """
        frame = self.top.inner(self._bound(given, named), self.scope)
        frame.meter.descend(self.height)
        run(self.node.body, frame)
        frame.meter.depth -= self.height
        return frame

    def _bound(self, given: Sequence[Value], named: dict[str, Value]) -> dict[str, Value]:
        parameters = self.scope.parameters
        by_place = dict(zip(parameters, given, strict=False))
        bound = self.defaults | by_place | named
        if len(given) > len(parameters) or by_place.keys() & named.keys():
            raise TypeError(f"too many arguments for {self.node.name}")
        if bound.keys() != set(parameters):
            raise TypeError(f"the arguments of {self.node.name} are {', '.join(parameters)}")
        return bound


def define(node: ast.FunctionDef, height: int, frame: Frame) -> Function:
    """Evaluate a function's defaults, and give its name a value."""
    parameters = [parameter.arg for parameter in node.args.args]
    values = [evaluate(default, frame) for default in node.args.defaults]
    defaults = dict(zip(parameters[len(parameters) - len(values) :], values, strict=True))
    function = Function(node, height, Scope(node.body, parameters), defaults, frame)
    frame.assign(node.name, Callee(node.name, partial(_invoke, function)))
    return function


def _invoke(function: Function, _: Meter, /, *given: Value, **named: Value) -> Value:
    return function.call(given, named).returned
