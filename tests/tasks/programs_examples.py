"""Solutions, programs that have no value, and programs that would do harm."""

from hone.tasks.programs import Reason

BAKERY = '''def simple_math_problem() -> int:
    """
    A bakery sells 12 loaves at $3 each and 5 cakes at $20. Half of the cakes are returned, and
    flour costs $31. What is left?
    """
    loaves, cakes = 12, 5
    bread_money = loaves * 3
    cake_money = cakes * 20  # before the returns
    cake_money -= cakes / 2 * 20
    result = bread_money + cake_money - 31
    return result
'''

POCKET_MONEY = """
import math

WEEKS: int = 6

def saved(per_week: float, weeks: int = WEEKS, bonus: float = 0) -> float:
    total = 0
    for week in range(1, weeks + 1):
        if week % 3 == 0:
            total += bonus
            continue
        total += per_week
    return total

def weeks_needed(goal: int) -> int:
    return math.ceil(goal / 4.5)

def simple_math_problem() -> float:
    alone = saved(5)
    helped = saved(per_week=5, bonus=10)
    return round(alone + helped + weeks_needed(goal=20), 2)
"""

HALVES = """
def left(apples, days):
    if days == 0:
        return apples
    return left(apples // 2, days - 1)

def simple_math_problem():
    apples = 100
    return left(apples, 3)
"""

SHOP = """# prices of what is in the basket
prices = {'pen': 1.25, "book": 8, 'bag': 20}
counts = [4, 2, 1]
total = 0
for (name, price), count in zip(prices.items(), counts):
    cost = price * count
    print(f"{name:>5}: {cost:.2f}")
    total += cost
discount = total * 0.1 if total > 30 else 0
# what is to be paid
total - discount
"""

MARBLES = """
import math
red, blue = 15, 27
groups = math.gcd(red, blue)
sizes = [n for n in range(1, groups + 1) if groups % n == 0]
most = max(sizes)
while red > 0 and blue > 0:
    red -= most
    blue -= most
else:
    print("empty", red, blue, sep=", ", end="!")
(red + blue) / most
"""

TWO_FUNCTIONS = """
x = 1
def helper(y):
    z = y + 1
    return z
def f():
    a = b = 2
    c, (d, text) = helper(a), (True, "no number")
    for e in [0.5]:
        a += e
    squares = [q * q for q in [a]]
    squares[0] = 9
    return a
"""

FAULTS = {
    Reason.SYNTAX: (
        "1 +",
        "f(",
        "x = 1\n  y = 2",
        "a\0b",
        "x = '\ud800'",
        "(" * 300,
        "return 1",
        "break\n1",
        "def f(a, a):\n    pass\n1",
        "print(end='', end='')",
        "if 1:\n    continue\n1",
    ),
    Reason.FORBIDDEN: (
        "import os\n1",
        "import math, os\n1",
        "from os import path\n1",
        "from math import *\n1",
        "from . import math\n1",
        "from math import nan\n1",
        "import math as __x__\n1",
        "().__class__",
        "(1).real",
        "''.join(['a'])",
        "x = []\nx.append.__self__",
        "f.x = 1\n1",
        "__import__('os')",
        "eval('1')",
        "exec('1')",
        "open('x')",
        "getattr(1, 'real')",
        "input()",
        "(lambda: 1)()",
        "(x := 1)",
        "[*[1]]",
        "{1}",
        "{**{}}",
        "{x: x for x in [1]}",
        "print(*[1])",
        "1 << 2",
        "~1",
        "1 | 1",
        "1 is 1",
        "b'x'",
        "1j",
        "...",
        "(-8) ** 0.5",
        "'%d' % 3",
        "class A:\n    pass\n1",
        "try:\n    pass\nfinally:\n    pass\n1",
        "del x\n1",
        "assert 1\n1",
        "with x:\n    pass\n1",
        "global x\n1",
        "raise x\n1",
        "async def f():\n    pass\n1",
        "def f():\n    yield 1\n1",
        "def f():\n    def g():\n        pass\n1",
        "@f\ndef f():\n    pass\n1",
        "def f(*a):\n    pass\n1",
        "def f(**a):\n    pass\n1",
        "def f(__a__):\n    pass\n1",
        "f'{1:{2}}'",
        "f'{1:1000000000}'",
        "f'{1!r}'",
        "x = [1]\nx[:] = [2]\n1",
        "print(file=1)",
        "str(abs)",
        "[abs] == [abs]",
        "sorted([1], key=abs)",
        "sum([[1]], [])",
        "list.append",
        "match 1:\n    case 1:\n        pass\n1",
        "def __f__():\n    pass\n1",
        "f(__a__=1)",
    ),
    Reason.ERROR: (
        "1 / 0",
        "1 % 0",
        "0 ** -1",
        "x",
        "x += 1\n1",
        "[1][1]",
        "{}['a']",
        "int('x')",
        "1 + 'a'",
        "1()",
        "[1] < 1",
        "len(1)",
        "max([])",
        "2.0 ** 5000",
        "int(1e308 * 10)",
        "a, b = 1\n1",
        "def f():\n    return x\n    x = 1\nx = 2\nf()",
        "[x for y in [1] for x in [x]]",
        "def f(a):\n    return a\nf()",
        "def f(a):\n    return a\nf(1, 2)",
        "a, b = [1]\n1",
        "def f(a):\n    return a\nf(1, a=2)",
        "def f(a):\n    return a\nf(b=2)",
        "math.pi",
        "d = {1: 2}\nfor k in d:\n    d[k + 1] = 1\n1",
        "{[]: 1}",
        "(1, 2).append(3)",
        "(1).append",
        "x = (1, 2)\nx[0] = 1\n1",
        "1[0]",
        "len(range(10 ** 30))",
        "zip([1], [])[0]",
        "1 in 5",
        "list(zip([1], [], strict=True))",
    ),
    Reason.NO_RESULT: (
        "",
        "x = 1",
        "None",
        "'1'",
        "[1]",
        "print(1)",
        "1e999",
        "float('nan')",
        "-1e308 * 10",
        "def f():\n    return 1",
        "def f():\n    return 1\nf",
        "import math",
    ),
}

NESTED = "{0} = [1]\nfor i in range(60):\n    {0} = [{0}, {0}]\n"
HOSTILE = (
    "10 ** 10 ** 10",
    "2 ** 2 ** 2 ** 2 ** 2 ** 2",
    "pow(9, 9 ** 9)",
    "9 ** 9 ** 9 % 7",
    "'a' * 10 ** 9",
    "[0] * 10 ** 9",
    "10 ** 9 * [0]",
    "'ab' * 5000 * 2",
    "list(range(10 ** 12))",
    "sum(range(10 ** 12))",
    "max(range(10 ** 12))",
    "sorted(range(10 ** 12))",
    "tuple(range(10**9))",
    "all(range(1, 10 ** 12))",
    "0.5 in range(10 ** 12)",
    "a, b = range(10 ** 12), 1\nsum(a)",
    "for i in range(10 ** 30):\n    pass\n1",
    "while 1:\n    pass\n1",
    "while 1: print(1)\n1",
    "xs = [0]\nfor x in xs:\n    xs.append(x)\n1",
    "xs = [1]\nwhile 1:\n    xs += xs\n1",
    "x = 9\nwhile 1:\n    x *= x\n1",
    "s = 'a'\nwhile 1:\n    s += s\n1",
    "x = ()\nwhile 1: x += (x,)\n1",
    "int('9' * 5000)",
    "int('f' * 9000, 16)",
    "import math\nmath.factorial(10 ** 9)",
    "import math\nmath.comb(10 ** 9, 10 ** 8)",
    "import math\nmath.comb(2 ** 1000, 1000)",
    "import math\nmath.prod(range(1, 10 ** 9))",
    "import math\nmath.lcm(*[1])\n" + "1" * 20_000,
    "xs = []\nxs.append(xs)\nprint(xs)\n1",
    "xs = []\nxs.append(xs)\nxs == [xs]",
    "1" * 4000,
    "d = {}\nd[1] = d\nstr(d)\n1",
    "xs = []\nxs.append(xs)\nf'{xs}'\n1",
    "0x" + "f" * 9000,
    NESTED.format("a") + "str(a)\n1",
    NESTED.format("a") + NESTED.format("b") + "a == b",
    NESTED.format("a") + "sorted([a, a])\n1",
    NESTED.format("a") + "max(a, a)\n1",
    "a = 1,\nfor i in range(60):\n    a = a, a\nd = {a: 1}\n1",
    "-" * 9000 + "1",
    "not " * 2000 + "1",
    "+".join("1" * 4000),
    "**".join("1" * 2000),
    "a" + "[0]" * 3000,
    "a" + "()" * 4000,
    "a" + ".e" * 4000,
    "1 if 1 else " * 700 + "1",
    "if 1:\n 1\n" + "elif 1:\n 1\n" * 900,
    "[" * 190 + "]" * 190,
    "def f(n):\n    return f(n + 1)\nf(0)",
    "def f():\n    return g()\ndef g():\n    return f()\nf()",
    "def f(n):\n    return f(n - 1) + f(n - 1) if n else 1\nf(24)",
    "z = [1]\nwhile 1:\n    z = zip(z)\n1",
    "z = [1]\nwhile 1:\n    z = enumerate(z)\n1",
    "g = [1]\nwhile 1:\n    g = (x for x in g)\n1",
    "f'{1:99}'\n" * 900 + "x = 'a' * 9_999\nwhile 1:\n    y = f'{x}'\n1",
    "pow(3, 2 ** 1000, 2 ** 1000)\n" * 300 + "1",
)
