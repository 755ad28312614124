"""A study's settings as text: `key=value` overrides read by the types of fields, and their list."""

import dataclasses
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hone.core.errors import UsageError, require, unknown

_IN_WORDS: dict[Any, str] = {int: "a whole number", float: "a finite number", str: "text"}


@dataclass(frozen=True)
class Key:
    """A field that `key=value` sets, for whoever wants to set it.

    Attributes:
        kind: what it takes, in words.
        values: as one would type them, by the presets and parts that have them.
        comment: what stands beside it in the source; may be empty.
    """

    name: str
    kind: str
    values: Mapping[str, tuple[str, ...]]
    comment: str


def read_override(settings: Any, text: str) -> tuple[str, Any]:
    """The field that `key=value` names, and the value it asks for.

    Raises:
        UsageError: no override at all, an unknown key, or a value of the wrong type.
    """
    key, equals, value = text.partition("=")
    names = [field.name for field in dataclasses.fields(settings)]
    if not equals:
        raise UsageError(f"{text!r} is not an override; write key=value, e.g. {names[0]}=…")
    if key not in names:
        raise unknown("key", key, names)
    return key, _parse(key, value, get_type_hints(type(settings))[key])


def written(value: Any) -> str:
    """A value as one would type it behind `key=`."""
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def keys(presets: Mapping[str, Mapping[str, Any]]) -> Iterator[Key]:
    """Every key of a study's settings.

    Args:
        presets: settings by part by preset, all of one class.
    """
    first = next(iter(next(iter(presets.values())).values()))
    comments, kinds = _comments(type(first)), get_type_hints(type(first))
    for field in dataclasses.fields(first):
        values: dict[str, list[str]] = {}
        for where, value in _values(presets, field.name):
            values.setdefault(value, []).append(where)
        by_value = {value: tuple(places) for value, places in values.items()}
        yield Key(field.name, _in_words(kinds[field.name]), by_value, comments.get(field.name, ""))


def _values(presets: Mapping[str, Mapping[str, Any]], name: str) -> Iterator[tuple[str, str]]:
    """Where a key has which value: a preset whose parts all agree is named once."""
    for preset, parts in presets.items():
        found = {part: written(getattr(settings, name)) for part, settings in parts.items()}
        if len(set(found.values())) == 1:
            yield preset, next(iter(found.values()))
        else:
            yield from ((f"{preset} {part}", value) for part, value in found.items())


def _comments(kind: type) -> dict[str, str]:
    """What stands behind each field in the source of its class, or else of what that extends."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(each):
            continue  # a built-in class has no source
        lines = re.finditer(r"^    (\w+):[^#\n]*# (.+)$", inspect.getsource(each), re.MULTILINE)
        found |= {line[1]: line[2] for line in lines}
    return found


def _in_words(kind: Any) -> str:
    """What a field of this type takes."""
    if get_origin(kind) is tuple:
        return f"{_in_words(get_args(kind)[0])}, or several: a,b"
    if NoneType in get_args(kind):
        return f"{_in_words(get_args(kind)[0])}, or none"
    if kind is bool or get_origin(kind) is Literal:
        return " or ".join(_choices(kind))
    return _IN_WORDS.get(kind, str(kind))


def _choices(kind: Any) -> dict[str, Any]:
    """The values of a choice, by the text that stands for each."""
    if kind is bool:
        return {"true": True, "false": False}
    return {str(each): each for each in get_args(kind)}


def _parse(key: str, value: str, kind: Any) -> Any:
    """The value that a text stands for, as the type of its field says."""
    if get_origin(kind) is tuple:
        return tuple(_parse(key, item, get_args(kind)[0]) for item in value.split(",") if item)
    if NoneType in get_args(kind):  # X | None
        return None if value == "none" else _parse(key, value, get_args(kind)[0])
    if kind is bool or get_origin(kind) is Literal:
        choices = _choices(kind)
        require(value in choices, key, value, _in_words(kind))
        return choices[value]
    try:
        parsed = kind(value)
    except ValueError:
        parsed = math.nan
    sound = not isinstance(parsed, float) or math.isfinite(parsed)
    require(sound, key, value, _in_words(kind))
    return parsed
