"""Random programs, valid and damaged; as a script: many of them are run, and watched.

`python -m tests.tasks.programs_fuzz COUNT SEED` prints what happened as JSON.
"""

import json
import keyword
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil

from hone.tasks.programs import Limits, ProgramFault, call_last, run_block

LIMITS = Limits(steps=3_000, items=300, characters=500, output=500, seconds=60.0)

# --------------------------------------------------------------------------- valid programs


class Writer:
    """Writes a program that Python accepts, though it may fail when it runs."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = ["a", "b", "c"]
        self.functions: list[str] = []

    def pick(self, *choices: Any) -> str:
        """One of several strings, or of several functions that make one."""
        chosen = self.rng.choice(choices)
        return chosen if isinstance(chosen, str) else chosen()

    def name(self) -> str:
        return self.rng.choice(self.names)

    def literal(self) -> str:
        small, decimal = (
            self.rng.randint(0, 20),
            self.rng.randint(0, 999) / self.rng.choice((4, 100)),
        )
        return self.pick(str(small), str(small), repr(decimal), "0.5", "2.5", "100", "True")

    def number(self, depth: int = 2) -> str:
        if depth == 0 or self.rng.random() < 0.2:
            return self.pick(self.literal, self.name, self.name)
        one, two = self.number(depth - 1), self.number(depth - 1)
        listed, test = self.listed(depth - 1), self.test(depth - 1)
        sign = self.pick("+", "-", "*", "/", "//", "%", "+", "-", "*")
        called = f"{self.pick(*self.functions)}({one}, y={two})" if self.functions else one
        return self.pick(
            f"{one} {sign} {two}",
            f"({one} {sign} {two})",
            f"({one} {sign} {two})",
            f"-{one}",
            f"({one}) ** {self.rng.randint(-1, 3)}",
            f"({one} if {test} else {two})",
            f"round({one}, {self.rng.randint(-2, 3)})",
            f"{self.pick('abs', 'int', 'float', 'round', 'math.floor', 'math.ceil')}({one})",
            f"{self.pick('min', 'max')}({one}, {two})",
            f"{self.pick('min', 'max', 'sum', 'len')}({listed})",
            f"sum(i * {one} for i in {listed} if {test})",
            f"divmod({one}, {two})[{self.rng.randint(0, 1)}]",
            f"{listed}[{self.rng.randint(-2, 2)}]",
            f"math.{self.pick('gcd', 'lcm', 'comb')}(int({one}), int({two}))",
            f"({test} {self.pick('and', 'or')} {one})",
            called,
        )

    def test(self, depth: int = 2) -> str:
        one, two, three = (self.number(max(depth - 1, 0)) for _ in range(3))
        sign, other = (self.pick("<", "<=", "==", "!=", ">", ">=") for _ in range(2))
        if depth <= 0:
            return f"{one} {sign} {two}"
        return self.pick(
            f"{one} {sign} {two}",
            f"{one} {sign} {two} {other} {three}",
            f"not {one} {sign} {two}",
            f"({self.test(depth - 1)} {self.pick('and', 'or')} {self.test(depth - 1)})",
            f"{one} {self.pick('in', 'not in')} {self.listed(depth - 1)}",
            f"{self.pick('any', 'all')}(i {sign} {one} for i in {self.listed(depth - 1)})",
        )

    def listed(self, depth: int = 2) -> str:
        one, two, k = self.number(max(depth - 1, 0)), self.number(0), self.rng.randint(0, 5)
        if depth <= 0:
            return self.pick("xs", f"[{one}, {two}]", f"range({k})")
        inner = self.listed(depth - 1)
        return self.pick(
            "xs",
            f"[{one}, {two}, {k}]",
            f"[i + {one} for i in {inner}]",
            f"[i * j for i in {inner} for j in range({k}) if i != j]",
            f"[i - j for i, j in zip({inner}, xs)]",
            f"[i for i, x in enumerate({inner}, {k}) if x > {one}]",
            f"sorted({inner})",
            f"list({inner})[{self.pick('', str(k))}:{self.pick('', '3', '-1', '3:-1')}]",
            f"[{one}] * {k}",
            f"(list({inner}) + [{two}])",
            "list(d.values())",
        )

    def body(self, depth: int, loop: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self.rng.randint(1, 3)):
            lines += self.statement(depth, loop)
        return lines

    def inner(self, depth: int, loop: bool) -> list[str]:
        return ["    " + line for line in self.body(depth - 1, loop)]

    def statement(self, depth: int, loop: bool) -> list[str]:
        name, number = self.name(), self.number()
        simple = [
            [f"{name} = {number}"],
            [f"{name} = {number}"],
            [f"{name}: float = {number}"],
            [f"{name} {self.pick('+', '-', '*', '/', '//', '%')}= {number}"],
            [f"{name}, {self.name()} = {self.name()}, {number}"],
            [f"xs.append({number})"],
            [f"xs[{self.rng.randint(-1, 1)}] = {number}"],
            [f"xs {self.pick('= ', '+= ')}{self.listed()}"],
            ["ys = xs", f"ys += [{number}]"],
            [f"d['{name}'] = {number}", f"d['{name}'] -= {self.number(0)}"],
            [f"print({number}, f'{{{name}:.2f}} of {{xs}}', d)"],
            [f"for k, v in d.items():  # {number}", f"    {name} += v"],
        ]
        if loop:
            jump = self.pick("break", "continue")
            simple += [[f"if {self.test()}:", f"    {jump}"]] * 3
        if depth == 0 or self.rng.random() < 0.5:
            return self.rng.choice(simple)
        otherwise = ["else:", *self.inner(depth, loop)] if self.rng.random() < 0.5 else []
        return self.rng.choice((self.branch, self.for_loop, self.while_loop))(
            depth, loop, otherwise
        )

    def branch(self, depth: int, loop: bool, otherwise: list[str]) -> list[str]:
        other = (
            [f"elif {self.test()}:", *self.inner(depth, loop)] if self.rng.random() < 0.3 else []
        )
        return [f"if {self.test()}:", *self.inner(depth, loop), *other, *otherwise]

    def for_loop(self, depth: int, _: bool, otherwise: list[str]) -> list[str]:
        head = self.pick(
            f"for {self.name()} in range({self.rng.randint(0, 6)}):",
            f"for {self.name()} in list({self.listed()})[:6]:",
            f"for {self.name()}, {self.name()} in enumerate(list(xs)[:4]):",
            f"for {self.name()}, {self.name()} in zip(range(4), xs):",
        )
        return [head, *self.inner(depth, True), *otherwise]

    def while_loop(self, depth: int, _: bool, otherwise: list[str]) -> list[str]:
        counter = f"n{depth}"
        body = [f"    {counter} += 1", *self.inner(depth, True)]
        head = f"while {counter} < {self.rng.randint(0, 6)}:"
        return [f"{counter} = 0", head, *body, *otherwise]

    def function(self, name: str, parameters: str) -> list[str]:
        start = ["xs = [3, 1.5, 2]", "d = {'a': 4, 'b': 0.25}", "a, b, c = 7, 2.5, 10"]
        lines = ["    " + line for line in [*start, *self.body(self.rng.randint(0, 2), False)]]
        self.names = ["a", "b", "c"]
        return [f"def {name}({parameters}):", *lines, f"    return {self.number()}"]

    def program(self) -> str:
        lines = ["import math", "a, b, c = 1, 2, 3"] if self.rng.random() < 0.9 else ["import math"]
        for place in range(self.rng.randint(0, 1)):
            self.names.append("y")
            lines += self.function(f"f{place}", "x, y=3")
            self.functions.append(f"f{place}")
        return "\n".join([*lines, *self.function("solution", "")])

    def block(self) -> str:
        lines = self.function("solution", "")
        dedented = [line.removeprefix("    ") for line in lines[1:-1]]
        return "\n".join(["import math", *dedented, self.number()])


def valid_program(rng: random.Random) -> tuple[str, str]:
    """Which entry point it is for, and a program."""
    if rng.random() < 0.5:
        return "call_last", Writer(rng).program()
    return "run_block", Writer(rng).block()


# ------------------------------------------------------------------------- damaged programs

TOKEN = re.compile(r"\w+|\n[ ]*|[ ]+|[^\w\s]+")
WORDS = """
    __class__ __import__ __builtins__ lambda: yield await async global nonlocal class try:
    except: with del assert raise is := *xs **d ** << >> & | ^ ~ @ ... -> self import\tos
    from\tos\timport\tsystem from\tmath\timport\t* open eval exec compile getattr type object
    input exit breakpoint globals vars __name__ 1e308 1e999 -1 0 0.0 1j b'x' 10**9 10**10**10
    2**1023 'a'*9 [0]*9 range(10**12) float('nan') xs d a b c i k v y f0 solution math math.pi
    math.floor pow( factorial( comb( sum( zip( enumerate( str( int( float( bool( list( tuple(
    sorted( print( len( round( any( all( divmod( abs( return break continue pass if else: elif
    for in while True: False None not and or () [] {} {1:2} (1,) .append .keys() .values()
    .items() .format .join .__class__ .real [0] [-1] [:] [::-1] [1:2] = == < > , : ; ( ) [ ] {
    } " ' ''' # \\ + - * / // % += -= *= /= d[a] xs[0] f'{a}' f'{a:9999999}' f'{a!r}'
    f'{a:.2f}' "%9d"%a xs.append(xs) d['d']=d (lambda:0)() reverse=True key=abs start=1
""".split()  # noqa: SIM905
CHARACTERS = "0123456789abcdxyz_.,:;()[]{}=+-*/%<>!'\"#\\ \n\t@&|^~\0é٣²\ud800\u202e"


def damaged(rng: random.Random, source: str, other: str) -> str:
    """A program with some of its tokens, characters or lines changed."""
    ways = (_similar_token, _similar_token, _similar_token, _other_token, _other_line, _characters)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        source = rng.choice(ways)(rng, source, other)
    return source


def _similar_token(rng: random.Random, source: str, other: str) -> str:
    """A name for a name, a number for a number, a sign for a sign."""
    tokens = TOKEN.findall(source)
    places = [place for place, token in enumerate(tokens) if _kind(token)]
    if not places:
        return other
    place = rng.choice(places)
    kind = _kind(tokens[place])
    similar = [token for token in TOKEN.findall(other) if _kind(token) == kind]
    tokens[place] = rng.choice((*similar, *SIMILAR[kind]))
    return "".join(tokens)


def _kind(token: str) -> str:
    if keyword.iskeyword(token) or token.isspace():
        return ""
    if token[0].isalpha():
        return "word"
    return "number" if token.isdigit() else "sign" if token in SIMILAR["sign"] else ""


SIMILAR = {
    "word": ("a", "xs", "d", "sum", "math", "len", "min", "zip", "str", "list", "print", "round"),
    "number": ("0", "1", "2", "1e308", "True", "None", "9" * 300, "'s'", "[]", "xs", "d", "(1, 2)"),
    "sign": ("+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="),
}


def _other_token(rng: random.Random, source: str, other: str) -> str:
    tokens = TOKEN.findall(source) or [""]
    place = rng.randrange(len(tokens))
    new = rng.choice((*WORDS, "", tokens[place] * 2, rng.choice(tokens), rng.choice(tokens)))
    tokens[place] = new.replace("\t", " ")
    return "".join(tokens)


def _characters(rng: random.Random, source: str, other: str) -> str:
    start = rng.randrange(len(source) + 1)
    end = min(len(source), start + rng.choice((0, 0, 1, 1, 5, 40)))
    new = rng.choice((rng.choice(CHARACTERS), "", source[start:end] * 2, rng.choice("([-{") * 300))
    return source[:start] + new + source[end:]


def _other_line(rng: random.Random, source: str, other: str) -> str:
    lines, others = source.split("\n"), other.split("\n")
    lines[rng.randrange(len(lines))] = rng.choice(others)
    return "\n".join(lines)


def programs(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Valid programs, and ten damaged ones after each."""
    previous = "x = 1"
    while True:
        entry, source = valid_program(rng)
        yield entry, source
        for _ in range(10):
            yield entry, damaged(rng, source, previous)
        previous = source


# ----------------------------------------------------------------------------- as a script

ENTRIES = {"call_last": call_last, "run_block": run_block}


def reason(entry: str, source: str, limits: Limits) -> str:
    """How a program ends; exceptions that are no faults are not caught."""
    try:
        ENTRIES[entry](source, limits)
    except ProgramFault as fault:
        return fault.reason.value
    return "outcome"


def fuzz(count: int, seed: int) -> dict[str, Any]:
    """Run that many programs: how they end, what they did to this process, how long each took."""
    rng = random.Random(seed)
    events: Counter[str] = Counter()
    watching = False

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching:
            events[event if event == "compile" else f"{event} {arguments[0]}"] += 1

    sys.addaudithook(watch)
    reasons, slowest, begun = Counter[str](), 0.0, time.perf_counter()
    memory: list[int] = []
    for place, (entry, source) in zip(range(count), programs(rng), strict=False):
        if place in (count // 5, count - 1):
            memory.append(psutil.Process().memory_info().rss)
        start = time.process_time()
        watching = True
        reasons[reason(entry, source, LIMITS)] += 1
        watching = False
        slowest = max(slowest, time.process_time() - start)
    return {
        "reasons": dict(reasons),
        "events": dict(events),
        "slowest": slowest,
        "grown": memory[-1] - memory[0],
        "seconds": time.perf_counter() - begun,
    }


if __name__ == "__main__":
    print(json.dumps(fuzz(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
