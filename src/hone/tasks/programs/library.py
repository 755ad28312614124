"""What programs can call: of the built-in functions, of `math` and of the methods."""

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from hone.tasks.programs.faults import forbidden
from hone.tasks.programs.limits import Meter
from hone.tasks.programs.operations import binary, power
from hone.tasks.programs.values import (
    CONTAINERS,
    NUMBERS,
    SIZED,
    Callee,
    Value,
    collect,
    iterate,
    lazy,
    text,
    weigh,
)

# ------------------------------------------------------------------------------- of numbers


def _number(native: Callable[..., Any], meter: Meter, /, *given: Value, **named: Value) -> Value:
    """A function whose work is small and whose result may be a large integer."""
    return meter.number(native(*given, **named))


def _converted(native: Callable[..., Any], meter: Meter, /, *given: Value, **named: Value) -> Value:
    """`int` or `float`."""
    if given and type(given[0]) is str:
        meter.integer_of(len(given[0]))  # a digit has more than a bit
    return meter.number(native(*given, **named))


def _round(meter: Meter, /, number: Value, ndigits: Value = None) -> Value:
    """`round`, without the power of ten that Python would compute to find that 0 is left."""
    if type(number) in (int, bool) and type(ndigits) is int and -ndigits > number.bit_length():
        return 0
    return meter.number(round(number, ndigits))


def _factorial(meter: Meter, n: Value, /) -> int:
    if type(n) is int and n > 3:
        meter.integer_of(n)  # n! has more than n bits
        meter.spend(n)
    return meter.number(math.factorial(n))


def _comb(meter: Meter, n: Value, k: Value, /) -> int:
    if type(n) is int and type(k) is int and 0 < k < n:
        fewer = min(k, n - k)
        meter.integer_of(fewer * max(1, n.bit_length() - fewer.bit_length() - 1))  # ≥ (n / k)^k
        meter.spend(fewer)
    return meter.number(math.comb(n, k))


def _lcm(meter: Meter, /, *integers: Value) -> int:
    return reduce(lambda one, other: meter.number(math.lcm(one, other)), integers, 1)


def _prod(meter: Meter, items: Value, /, *, start: Value = 1) -> Value:
    return reduce(partial(binary, meter, ast.Mult), iterate(meter, items), start)


# ----------------------------------------------------------------------------- of sequences


def _sum(meter: Meter, items: Value, /, start: Value = 0) -> Value:
    return meter.number(sum(_numbers(iterate(meter, items)), *_numbers([start])))


def _numbers(items: Iterable[Value]) -> Iterator[Value]:
    for item in items:
        if type(item) not in NUMBERS:
            raise forbidden("a sum of what is not a number")
        yield item


def _best(
    native: Callable[..., Any], meter: Meter, /, *given: Value, key: Value = None, **named: Value
) -> Value:
    """`min` or `max`."""
    _refuse_key(key)
    if len(given) == 1:
        items = collect(meter, given[0])
        _allow_order(meter, items)
        return native(items, **named)
    _allow_order(meter, list(given))
    return native(*given, **named)


def _sorted(
    meter: Meter, items: Value, /, *, key: Value = None, reverse: Value = False
) -> list[Value]:
    _refuse_key(key)
    given = collect(meter, items)
    for _ in range(len(given).bit_length()):
        _allow_order(meter, given)
    return sorted(given, reverse=reverse)


def _refuse_key(key: Value) -> None:
    if key is not None:
        raise forbidden("an order by key")


def _allow_order(meter: Meter, items: list[Value]) -> None:
    """Count the steps of comparing every item once."""
    if any(type(item) in CONTAINERS for item in items):
        weigh(meter, items)
    meter.spend(len(items))


def _len(_: Meter, value: Value, /) -> int:
    if type(value) not in SIZED:
        raise TypeError(f"{type(value).__name__} has no length")
    return len(value)


def _list(meter: Meter, items: Value = (), /) -> list[Value]:
    return collect(meter, items)


def _tuple(meter: Meter, items: Value = (), /) -> tuple[Value, ...]:
    return tuple(collect(meter, items))


def _any(meter: Meter, items: Value, /) -> bool:
    return any(iterate(meter, items))


def _all(meter: Meter, items: Value, /) -> bool:
    return all(iterate(meter, items))


def _zip(meter: Meter, /, *sources: Value, strict: Value = False) -> Value:
    items = zip(*(iterate(meter, source) for source in sources), strict=strict)
    return lazy(meter, items, *sources)


def _enumerate(meter: Meter, /, iterable: Value, start: Value = 0) -> Value:
    return lazy(meter, enumerate(iterate(meter, iterable), start), iterable)


def _range(_: Meter, /, *given: Value) -> range:
    return range(*given)


# -------------------------------------------------------------------------------- of others


def _bool(_: Meter, value: Value = False, /) -> bool:
    return bool(value)


def _str(meter: Meter, value: Value = "", /) -> str:
    return text(meter, value)


def _print(
    meter: Meter, /, *values: Value, sep: Value = " ", end: Value = "\n", **others: Value
) -> None:
    if others or type(sep) is not str or type(end) is not str:
        raise forbidden("printing in this way")
    for place, value in enumerate(values):
        meter.write(sep if place else "")
        meter.write(text(meter, value))
    meter.write(end)


def _append(meter: Meter, items: list[Value], item: Value, /) -> None:
    items.append(item)
    meter.allow_items(len(items))


def _view(native: Callable[[dict[Value, Value]], Value], _: Meter, of: Value, /) -> Value:
    return native(of)


# ------------------------------------------------------------------------------- the tables


def _callees(**functions: Callable[..., Value]) -> dict[str, Callee]:
    return {name: Callee(name, function) for name, function in functions.items()}


BUILT_IN = _callees(
    abs=partial(_number, abs),
    all=_all,
    any=_any,
    bool=_bool,
    divmod=partial(_number, divmod),
    enumerate=_enumerate,
    float=partial(_converted, float),
    int=partial(_converted, int),
    len=_len,
    list=_list,
    max=partial(_best, max),
    min=partial(_best, min),
    pow=power,
    print=_print,
    range=_range,
    round=_round,
    sorted=_sorted,
    str=_str,
    sum=_sum,
    tuple=_tuple,
    zip=_zip,
)

_NUMERIC = (
    *(math.ceil, math.exp, math.fabs, math.floor, math.gcd, math.log, math.log2, math.log10),
    *(math.pow, math.sqrt, math.trunc),
)
MATH: dict[str, Value] = {
    **{native.__name__: Callee(native.__name__, partial(_number, native)) for native in _NUMERIC},
    **_callees(comb=_comb, factorial=_factorial, lcm=_lcm, prod=_prod),
    "e": math.e,
    "inf": math.inf,
    "pi": math.pi,
}

_METHODS: dict[tuple[type, str], Callable[..., Value]] = {
    (list, "append"): _append,
    (dict, "keys"): partial(_view, dict.keys),
    (dict, "values"): partial(_view, dict.values),
    (dict, "items"): partial(_view, dict.items),
}
ATTRIBUTES = frozenset(MATH) | {name for _, name in _METHODS}


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """What `import math` binds."""

    members: Mapping[str, Value]


MATH_MODULE = Module(MATH)


def attribute(value: Value, name: str) -> Value:
    """A member of a module, or a method of a value.

    Raises:
        TypeError: there is none of this name.
    """
    if type(value) is Module and name in value.members:
        return value.members[name]
    if type(value) is Callee:
        raise forbidden("an attribute of a function")
    if (type(value), name) not in _METHODS:
        raise TypeError(f"{type(value).__name__} has no {name}")
    method = _METHODS[type(value), name]
    return Callee(name, lambda meter, /, *given, **named: method(meter, value, *given, **named))
