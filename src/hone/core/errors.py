"""Errors a user can act on: one line that says what, where, what is allowed and what to do."""

import difflib
from collections.abc import Iterable
from typing import get_args


class HoneError(Exception):
    """Stops the command; its message is printed as it stands, without a traceback."""

    exit_code = 1


class UsageError(HoneError):
    """A request that cannot be carried out: unknown name, impossible value or combination."""

    exit_code = 2


class DamagedFile(HoneError):
    """A file exists but cannot be trusted; the message names it."""


class DiskFull(HoneError):
    """The disk has no room for what must be written; what was complete before stays usable."""


class Diverged(HoneError):
    """A loss, gradient or self-check value is not what a sound run has."""


def require(condition: bool, key: str, value: object, allowed: str) -> None:
    """Refuse `value` for `key` unless `condition` holds.

    Raises:
        UsageError: naming the key, the value and what is allowed.
    """
    if not condition:
        raise UsageError(f"{key} = {value!r} is not possible; allowed: {allowed}")


def require_one_of(key: str, value: object, literal: object) -> None:
    """Refuse `value` for `key` unless the `Literal` type holds it.

    Raises:
        UsageError: naming the key, the value and what is allowed.
    """
    allowed = get_args(literal)
    require(value in allowed, key, value, " or ".join(map(str, allowed)))


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not among the known ones, with the nearest valid one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"unknown {kind} {name!r}; {hint}known: {', '.join(names)}")
