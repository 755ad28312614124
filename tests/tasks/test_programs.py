"""Programs of the dialect have the value that Python gives them; others do no harm."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hone.core.errors import UsageError
from hone.tasks.programs import Limits, ProgramFault, Reason, call_last, run_block
from tests.tasks.programs_examples import (
    BAKERY,
    FAULTS,
    HALVES,
    HOSTILE,
    MARBLES,
    POCKET_MONEY,
    SHOP,
    TWO_FUNCTIONS,
)

ROOT = Path(__file__).parent.parent.parent
MEGABYTE = 1 << 20


def script(name: str, count: int, seed: int) -> dict[str, Any]:
    """What a script of this folder prints; in a process without the tests' import hook."""
    command = [sys.executable, "-m", f"tests.tasks.{name}", str(count), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fault(source: str, limits: Limits | None = None) -> ProgramFault:
    with pytest.raises(ProgramFault) as caught:
        run_block(source, limits or Limits())
    return caught.value


# ------------------------------------------------------------------------------ the dialect


@pytest.mark.parametrize(("source", "value"), [(BAKERY, 55.0), (POCKET_MONEY, 65), (HALVES, 12)])
def test_the_last_function_gives_the_value(source: str, value: float) -> None:
    assert call_last(source).value == value


def test_the_last_line_gives_the_value() -> None:
    shop, marbles = run_block(SHOP), run_block(MARBLES)
    assert shop.value == pytest.approx(36.9)
    assert shop.output == "  pen: 5.00\n book: 16.00\n  bag: 20.00\n"
    assert (marbles.value, marbles.output) == (4.0, "empty, 0, 12!")
    assert marbles.assigned[:6] == (
        *(("red", 15), ("blue", 27), ("groups", 3), ("most", 3)),
        *(("red", 12), ("blue", 24)),
    )


def test_numbers_assigned_are_those_of_the_function_that_is_asked() -> None:
    outcome = call_last(TWO_FUNCTIONS)
    assert outcome.value == 2.5
    assert outcome.assigned == (
        *(("a", 2), ("b", 2), ("c", 3), ("d", 1)),
        *(("e", 0.5), ("a", 2.5)),
    )
    assert type(outcome.assigned[3][1]) is int


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("7 // 2 * -1 + -7 // 2 + 7 % -3", -9),
        ("round(2.5) + round(3.5) + round(-1234, -2)", -1194),
        ("0.1 + 0.2", 0.1 + 0.2),
        ("10 ** -2", 0.01),
        ("1 < 2 < 3 != 4 in [4]", 1),
        ("0 or 5 and 2", 2),
        ("not 0 and 3", 3),
        ("False and 1 / 0 or 4", 4),
        ("a = b = [1]\na += [2]\na.append(3)\nlen(b)", 3),
        ("a = [1, 2]\nb = a\na = a + [3]\nlen(b)", 2),
        ("def f(xs=[]):\n    xs.append(1)\n    return len(xs)\nf()\nf()", 2),
        ("x = 5\ndef f():\n    return x\nx = 6\nf()", 6),
        ("sum = 3\nsum + 1", 4),
        ("n = 2\ng = (n * x for x in [1, 2])\nn = 10\nsum(g) + sum(g)", 30),
        ("z = zip([1, 2], [3, 4])\nlist(z)\nlen(list(z))", 0),
        ("t = (1, 2, 3)\nt[-1] + t[::-1][0] + len(t[5:])", 6),
        (
            "d = {1: 2, (1, 2): 4, 'a': 3}\nd['a'] += 1\nsum(d.values()) + len(d.keys()) + d[1, 2]",
            17,
        ),
        ("x = 1\nfor x in range(3):\n    pass\nelse:\n    x = x * 10\nx", 20),
        ("x = 0\nfor i in range(9):\n    if i == 4:\n        break\nelse:\n    x = 1\nx + i", 4),
        ("any(1 / x > 0 for x in [1, 0])", 1),
        ("divmod(17, 5)[0] + pow(2, 3) + pow(3, 4, 5) + abs(-2.5)", 14.5),
        (
            "import math as m\nfrom math import sqrt as r, pi\nr(4) + m.floor(pi) + m.prod([2])",
            7.0,
        ),
        (
            "import math\nmath.factorial(5) + math.lcm(4, 6) + math.comb(5, 2) + math.trunc(-2.5)",
            140,
        ),
        ("int('12') + float('0.5') + bool('x') + len(str(12.5))", 17.5),
        ("max([3, 7], default=1) + min(4, 2) + max([], default=1)", 10),
        ("sorted([3, 1, 2], reverse=True)[0] + list(enumerate('ab', start=5))[1][0]", 9),
        ("5 in range(3, 9) and 'b' in 'abc' and 2.5 not in range(10**9, 10**9 + 3)", 1),
        ("x: int\nx: 'List[no.such]' = 3\nx", 3),
        ("'\\d'\n1if 2else 3", 1),  # these are worth a warning, which is an error in tests
        ("True", 1),
        ("-0.0", -0.0),
    ],
)
def test_values_are_those_of_python(source: str, value: float) -> None:
    found = run_block(source).value
    assert (type(found), repr(found)) == (type(value), repr(value))


@pytest.mark.parametrize(
    ("reason", "source"),
    [(reason, source) for reason, sources in FAULTS.items() for source in sources],
)
def test_what_has_no_value_says_why(reason: Reason, source: str) -> None:
    assert fault(source).reason is reason


def test_output_can_always_be_written() -> None:
    assert run_block("print('\\ud800é')\n1").output == "?é\n"


def test_there_must_be_a_function_and_it_must_need_no_argument() -> None:
    with pytest.raises(ProgramFault, match="no_result: no function"):
        call_last("x = 1")
    with pytest.raises(ProgramFault, match="error: TypeError: the arguments of f are a"):
        call_last("def f(a):\n    return a")
    with pytest.raises(ProgramFault, match="no_result: NoneType is no number"):
        call_last("def f():\n    1")
    assert call_last("def f(a=3):\n    return a\nf = 1").value == 3


# ------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("limit", "least", "source"),
    [
        ("steps", 5, "1 + 1 + 1"),
        ("steps", 105, "sum(range(100))"),
        ("steps", 173, "sorted([9] * 10 + [1] * 10)[0]"),
        ("steps", 362, "x = [1] * 50\nx[1:] + x == x\n1"),
        ("steps", 108, "x = [1] * 50\n2 in x"),
        ("steps", 167, "x = 'a' * 80\n'b' in x"),
        ("steps", 55, "0.5 in range(50)"),
        ("steps", 28, "pow(3, 2 ** 20, 7)"),
        ("steps", 30, "import math\nmath.factorial(25)"),
        ("steps", 31, "import math\nmath.comb(50, 25)"),
        ("steps", 172, "print(str([1] * 20) + '')\n1"),
        ("integer_bits", 101, "2 ** 100"),
        ("integer_bits", 101, "pow(2, 100)"),
        ("integer_bits", 101, "2 ** 50 * 2 ** 50"),
        ("integer_bits", 101, "2 ** 99 + 2 ** 99"),
        ("integer_bits", 101, "sum([2 ** 99, 2 ** 99])"),
        ("integer_bits", 67, f"{2**66}"),
        ("integer_bits", 70, f"int('{2**66}0')"),
        ("integer_bits", 95, "int(2.0 ** 94)"),
        ("integer_bits", 62, "import math\nmath.factorial(20)"),
        ("integer_bits", 97, "import math\nmath.comb(100, 50)"),
        ("integer_bits", 57, "import math\nmath.lcm(2 ** 30 - 1, 2 ** 28 - 1)"),
        ("integer_bits", 61, "import math\nmath.prod([2 ** 30, 2 ** 30])"),
        ("items", 50, "len([0] * 50)"),
        ("items", 50, "len([0] * 20 + [1] * 30)"),
        ("items", 50, "len(list(range(50)))"),
        ("items", 50, "len([x for x in range(50)])"),
        ("items", 50, "xs = []\nfor i in range(50):\n    xs.append(i)\n1"),
        ("items", 50, "xs = []\nfor i in range(10):\n    xs += range(5)\n1"),
        ("items", 50, "d = {}\nfor i in range(50):\n    d[i] = 1\n1"),
        ("items", 5, "[1, 2, 3, 4, 5][0]"),
        ("characters", 50, "len('a' * 50)"),
        ("characters", 50, f"len('{'a' * 50}')"),
        ("characters", 50, "len('a' * 25 + 'b' * 25)"),
        ("characters", 99, "len(f'{1:99}')"),
        ("characters", 150, "len(str([1] * 50))"),
        ("nesting", 6, "-(-(-(-1)))"),
        ("nesting", 30, "1" + " + 1" * 28),
        ("nesting", 58, "def f(n):\n    return n and f(n - 1)\nf(10)"),
        ("nesting", 52, "xs = []\nfor i in range(50):\n    xs = [xs]\nxs == [xs]"),
        ("nesting", 20, "xs = []\nfor i in range(20):\n    xs = (x for x in xs)\n1"),
        ("source", 9, "1 + 1 + 1"),
        ("output", 10, "print('a' * 4)\nprint('b' * 4)\n1"),
    ],
)
def test_every_limit_is_where_it_says(limit: str, least: int, source: str) -> None:
    plenty = Limits(100_000, 1_000, 1_000, 1_000, 250, 1_000, 1_000)
    assert ends(source, replace(plenty, **{limit: least}))
    assert not ends(source, replace(plenty, **{limit: least - 1}))


def ends(source: str, limits: Limits) -> bool:
    try:
        run_block(source, limits)
    except ProgramFault as fault:
        if fault.reason is not Reason.LIMIT:
            raise
        return False
    return True


def test_the_clock_is_looked_at() -> None:
    assert fault("1", Limits(seconds=1e-9)).reason is Reason.TIME
    endless = "while True:\n    pass\n1"
    assert fault(endless, Limits(steps=10**12, seconds=0.1)).reason is Reason.TIME


def test_limits_are_positive() -> None:
    with pytest.raises(UsageError, match="steps = 0 is not possible"):
        Limits(steps=0)


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_programs_meet_a_limit(source: str) -> None:
    """Of work, before that of a clock which allows for a busy machine."""
    assert fault(source, Limits(seconds=60.0)).reason in (Reason.LIMIT, Reason.SYNTAX)


def test_work_that_is_not_needed_is_not_done() -> None:
    assert run_block("round(5, -10 ** 9) + round(-7, -10 ** 300)").value == 0
    assert run_block("5 in range(10 ** 300) and (-1) ** 10 ** 300").value == 1


@pytest.mark.parametrize("room", [20, 60, 120, 250])
def test_a_caller_deep_down_gets_a_fault_at_worst(room: int) -> None:
    def descend(levels: int) -> str:
        if levels:
            return descend(levels - 1)
        try:
            return str(call_last(HALVES).value)
        except ProgramFault as fault:
            return fault.reason

    frames = len(list(_frames()))
    assert descend(sys.getrecursionlimit() - frames - room) in ("12", "limit")


def _frames() -> Any:
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


# ----------------------------------------------------------------------- many random programs


def agreement(count: int, seed: int) -> None:
    report = script("programs_reference", count, seed)
    assert report["disagreements"] == []
    assert report["counts"]["value"] > count / 5


def harmless(count: int, seed: int) -> None:
    report = script("programs_fuzz", count, seed)
    reasons, events = report["reasons"], report["events"]
    assert sum(reasons.values()) == count
    assert "time" not in reasons
    assert min(reasons.get(name, 0) for name in ("outcome", *FAULTS)) > count / 1000
    # what Python's parser does: it looks for the text of a line that is wrong, in a file of this
    # name, and for what a name's letters are written like
    assert events.keys() <= {"compile", "open <program>", "import unicodedata"}
    assert events["compile"] <= count
    assert report["slowest"] < 10  # seconds of computing, for programs of a few lines
    assert report["grown"] < 16 * MEGABYTE


def test_random_programs_have_the_values_that_python_gives_them() -> None:
    agreement(5_000, seed=1)


def test_random_programs_do_no_harm() -> None:
    harmless(20_000, seed=2)


@pytest.mark.slow
def test_many_random_programs_have_the_values_that_python_gives_them() -> None:
    agreement(100_000, seed=3)


@pytest.mark.slow
def test_many_random_programs_do_no_harm() -> None:
    harmless(200_000, seed=4)
