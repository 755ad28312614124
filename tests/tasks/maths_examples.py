"""Rows as GSM8K, MATH and AIME have them, and a way to write them down."""

import json
from pathlib import Path

GSM8K = [
    {
        "question": "Natalia sold clips to 48 friends in April, and half as many in May. How many?",
        "answer": "She sold 48/2 = <<48/2=24>>24 clips in May.\n"
        "She sold 48+24 = <<48+24=72>>72 clips altogether.\n#### 72",
    },
    {
        "question": "A phone costs $1,000 and a case $80. What do both cost?",
        "answer": "Both cost $1,000 + $80 = $<<1000+80=1080>>1,080.\n#### 1,080",
    },
]
MATH = [
    {
        "problem": "Convert the point $(0,3)$ to polar coordinates.",
        "solution": "It makes an angle of $\\frac{\\pi}{2}$.\n\nThe answer is "
        "$\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}.$",
        "answer": "\\left( 3, \\frac{\\pi}{2} \\right)",
        "subject": "Precalculus",
        "level": 2,
    },
    {
        "problem": "Who ran fastest?",
        "solution": "By definition it is $\\boxed{\\text{Evelyn}}$.",
        "answer": "\\text{Evelyn}",
        "subject": "Algebra",
        "level": 5,
    },
]
AIME = [{"id": 1, "problem": "Find $m + n$.", "answer": 33, "url": "https://example.org"}]


def lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def many(n: int) -> list[dict]:
    return [{"question": f"What is {i} + 1?", "answer": f"{i} + 1\n#### {i + 1}"} for i in range(n)]
