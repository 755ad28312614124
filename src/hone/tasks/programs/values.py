"""What programs compute with: Python's own numbers, strings, lists, …, and two kinds of our own.

Python's operations on nested lists recurse, and take exponential time where a list holds another
one twice, which holds another one twice, …; whatever compares, hashes or prints them weighs them
first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import NoneType
from typing import Any

from hone.tasks.programs.faults import forbidden, too_much
from hone.tasks.programs.limits import Meter

Value = Any
"""A number, string, None, list, tuple, dict, view of a dict, range, `Callee`, `Lazy` or module."""

VIEWS = type({}.keys()), type({}.values()), type({}.items())
NUMBERS = frozenset({int, float, bool})
SCALARS = NUMBERS | {str, NoneType}
SEQUENCES = frozenset({list, tuple, str})
CONTAINERS = frozenset({list, tuple, dict, *VIEWS})
SIZED = CONTAINERS | {str, range}


@dataclass(frozen=True, slots=True, eq=False)
class Callee:
    """What a program can call; `invoke` takes the meter, then the arguments."""

    name: str
    invoke: Callable[..., Value]


@dataclass(frozen=True, slots=True, eq=False)
class Lazy:
    """What can be iterated over once: a generator expression, zip or enumerate.

    Attributes:
        items: still to come.
        level: how many of these get their items from one another.
    """

    items: Iterator[Value]
    level: int

    def __iter__(self) -> Iterator[Value]:
        return self.items


_ITERABLE = SIZED | {Lazy}


def lazy(meter: Meter, items: Iterator[Value], *sources: Value) -> Lazy:
    """What gives `items`, which are made of those of `sources`."""
    level = 1 + max((source.level for source in sources if type(source) is Lazy), default=0)
    if level > meter.limits.nesting:
        raise too_much("levels", meter.limits.nesting)
    return Lazy(items, level)


def iterate(meter: Meter, value: Value) -> Iterator[Value]:
    """The items of a value, each of which costs a step.

    Raises:
        TypeError: it has none.
    """
    if type(value) not in _ITERABLE:
        raise TypeError("not iterable")
    return _metered(meter, iter(value))


def _metered(meter: Meter, items: Iterator[Value]) -> Iterator[Value]:
    for item in items:
        meter.spend()
        yield item


def collect(meter: Meter, value: Value) -> list[Value]:
    """All items of a value.

    Raises:
        TypeError: it has none.
    """
    most = meter.limits.items
    items = list(islice(iterate(meter, value), most + 1))
    if len(items) > most:
        raise too_much("items", most)
    return items


def weigh(meter: Meter, value: Value) -> None:
    """Count the steps of going through a value, however often it holds something, level by level.

    Refused are functions and iterators in it, and more levels than allowed.
    """
    level = [value]
    for _ in range(meter.limits.nesting):
        level = [part for whole in level for part in _parts(meter, whole)]
        if not level:
            return
    raise too_much("levels", meter.limits.nesting)


def _parts(meter: Meter, value: Value) -> list[Value]:
    kind = type(value)
    if kind is str:
        meter.spend(len(value))
    elif kind in CONTAINERS:
        meter.spend(len(value))
        return [*value, *value.values()] if kind is dict else list(value)
    elif kind not in SCALARS and kind is not range:
        raise forbidden("a text or comparison of functions or iterators")
    return []


def text(meter: Meter, value: Value) -> str:
    """What `str` makes of a value."""
    if type(value) is str:
        return value
    if type(value) not in SCALARS:
        weigh(meter, value)
    return string(meter, str(value))


def string(meter: Meter, made: str) -> str:
    """The string itself, unless it is too long."""
    meter.string_of(len(made))
    return made


def key(meter: Meter, value: Value) -> Value:
    """The value itself, made sure that its hash is no endless work."""
    if type(value) in CONTAINERS:
        weigh(meter, value)
    return value


def item(meter: Meter, container: Value, index: Value) -> Value:
    """`container[index]`.

    Raises:
        TypeError: the container has no items by index, or the index is of the wrong type.
        LookupError: there is no such item.
    """
    kind = type(container)
    if kind is dict:
        return container[key(meter, index)]
    if kind in SEQUENCES and type(index) is slice:
        meter.spend(len(range(*index.indices(len(container)))))
    elif kind not in SEQUENCES and kind is not range:
        raise TypeError(f"{kind.__name__} has no items by index")
    return container[index]


def set_item(meter: Meter, container: Value, index: Value, value: Value) -> None:
    """`container[index] = value`.

    Raises:
        TypeError: the container cannot be changed, or the index is of the wrong type.
        LookupError: a list has no such item.
    """
    if type(container) is dict:
        container[key(meter, index)] = value
        meter.allow_items(len(container))
    elif type(container) is list:
        container[index] = value
    else:
        raise TypeError(f"items of {type(container).__name__} cannot be set")
