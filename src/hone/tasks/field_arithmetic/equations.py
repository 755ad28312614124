"""What free text says of numbers: its equalities, worked out in a prime field.

A model's text is never given to `eval`: a small grammar of + - * / and parentheses over numbers,
symbols and one unknown (written x or y) is read here, and anything else is no expression.
"""

import re
from collections import deque
from collections.abc import Sequence

Form = tuple[int, int]
"""a and b of a·x + b; a number is a form with a = 0."""

_STOP = "."
_LONGEST = 64  # tokens of an expression, which bounds the depth of nesting and all numbers in it
_PLAIN = str.maketrans("−×·⋅÷≡", "-***/=")
_TOKEN = re.compile(
    r"\(\s*mod(?:ulo)?\s+(?P<enclosed>\d+)\s*\)|\bmod(?:ulo)?\s+(?P<modulus>\d+)\b"
    r"|\b(?P<factor>\d{0,6})[xy]\b|\be(?P<symbol>\d{1,2})\b|\b(?P<number>\d{1,6})\b"
    r"|(?P<mark>[-+*/()=])|(?P<stop>\w+|\n|[^\s\w])",
    re.ASCII | re.IGNORECASE,
)


def equalities(text: str, values: Sequence[int]) -> list[list[Form | None]]:
    """The sides of every chain of equalities in a text, in order, reduced mod p.

    Words and punctuation separate chains. `mod 11` may stand anywhere and is skipped where it is
    the field's size.

    Args:
        text: any text.
        values: element that each of the p symbols e0, e1, … stands for.

    Returns:
        Of every chain its sides; None where a side is no expression or has no value.
    """
    plain = text.replace("**", " ").translate(_PLAIN)  # ** is Markdown's bold
    tokens = [token for match in _TOKEN.finditer(plain) for token in _token(match, values)]
    clauses = [clause for clause in _split(tokens, _STOP) if "=" in clause]
    return [[_value(side, len(values)) for side in _split(clause, "=")] for clause in clauses]


def _token(match: re.Match[str], values: Sequence[int]) -> list[Form | str]:
    """What one piece of text is: a form, a mark, or nothing; `?` is what fits nowhere."""
    kind, said = match.lastgroup, match[match.lastgroup or 0]
    if kind == "mark":
        return [said]
    if kind == "stop":
        return [_STOP]
    if kind in ("modulus", "enclosed"):
        return [] if said.lstrip("0") == str(len(values)) else ["?"]
    if kind == "factor":
        return [(int(said or 1), 0)]
    if kind == "number":
        return [(0, int(said))]
    return [(0, values[int(said)])] if int(said) < len(values) else ["?"]


def _split(tokens: list[Form | str], at: str) -> list[list[Form | str]]:
    parts: list[list[Form | str]] = [[]]
    for token in tokens:
        if token == at:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _value(side: list[Form | str], p: int) -> Form | None:
    if len(side) > _LONGEST:
        return None
    tokens = deque(side)
    try:
        a, b = _sum(tokens, p)
    except (ValueError, IndexError):  # no inverse, not linear, no operand; nothing left to read
        return None
    return None if tokens else (a % p, b % p)


def _sum(tokens: deque[Form | str], p: int) -> Form:
    total = _product(tokens, p)
    while tokens and tokens[0] in ("+", "-"):
        sign = 1 if tokens.popleft() == "+" else -1
        a, b = _product(tokens, p)
        total = total[0] + sign * a, total[1] + sign * b
    return total


def _product(tokens: deque[Form | str], p: int) -> Form:
    a, b = _factor(tokens, p)
    while tokens and tokens[0] in ("*", "/"):
        divided = tokens.popleft() == "/"
        c, d = _factor(tokens, p)
        if c % p and (divided or a % p):
            raise ValueError("not linear in the unknown")
        if divided:
            c, d = 0, pow(d, -1, p)
        a, b = a * d + b * c, b * d
    return a, b


def _factor(tokens: deque[Form | str], p: int) -> Form:
    token = tokens.popleft()
    if isinstance(token, tuple):
        return token
    if token == "-":
        a, b = _factor(tokens, p)
        return -a, -b
    if token != "(":
        raise ValueError("no operand")
    inside = _sum(tokens, p)
    if tokens.popleft() != ")":
        raise ValueError("not closed")
    return inside
