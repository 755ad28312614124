"""Which name means what, where."""

import ast
import builtins
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from hone.tasks.programs.faults import forbidden
from hone.tasks.programs.library import BUILT_IN
from hone.tasks.programs.limits import Meter
from hone.tasks.programs.values import NUMBERS, Value

_UNKNOWN_BUILT_INS = frozenset(dir(builtins)) - frozenset(BUILT_IN)


class Scope:
    """A function or comprehension, whose names are its own wherever it assigns them."""

    def __init__(self, nodes: Sequence[ast.AST], parameters: Sequence[str] = ()) -> None:
        self.parameters = parameters
        self._nodes = nodes

    @cached_property
    def own(self) -> frozenset[str]:
        """Every name assigned anywhere in it; seldom asked for."""
        return frozenset(self.parameters) | _assigned_in(self._nodes)


def _assigned_in(nodes: Sequence[ast.AST]) -> set[str]:
    names, waiting = set(), list[ast.AST](nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        if not isinstance(node, ast.ListComp | ast.GeneratorExp):  # scopes of their own
            waiting += ast.iter_child_nodes(node)
    return names


TOP_LEVEL = Scope(())  # a name that has no value yet may be a built-in function here


class Frame:
    """The names of one call, one comprehension, or the top level, and their values.

    Attributes:
        meter: of the program.
        values: of its own names, where they have one.
        assigned: every number that was assigned to one of its names, in order.
        returned: by the return statement that ended it.
    """

    __slots__ = ("_enclosing", "_scope", "assigned", "meter", "returned", "values")

    def __init__(
        self, meter: Meter, values: dict[str, Value], scope: Scope, enclosing: "Frame | None" = None
    ) -> None:
        self.meter = meter
        self.values = values
        self.assigned: list[tuple[str, Any]] = []
        self.returned: Value = None
        self._scope = scope
        self._enclosing = enclosing

    def inner(self, values: dict[str, Value], scope: Scope) -> "Frame":
        """A frame that sees the names of this one, too."""
        return Frame(self.meter, values, scope, self)

    def assign(self, name: str, value: Value) -> None:
        """Give a name a value."""
        self.values[name] = value
        if type(value) in NUMBERS:
            self.assigned.append((name, +value))

    def find(self, name: str) -> Value:
        """The value of a name.

        Raises:
            NameError: it has none.
        """
        if name in self.values:
            return self.values[name]
        if name in self._scope.own:
            raise NameError(f"{name} has no value yet")
        return self._enclosing.find(name) if self._enclosing else _built_in(name)


def _built_in(name: str) -> Value:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in _UNKNOWN_BUILT_INS:
        raise forbidden(f"the function {name}")
    raise NameError(f"{name} is not defined")
