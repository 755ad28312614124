"""math-verify in a process of its own, which may hang or crash without consequences for ours."""

import atexit
import json
import os
import subprocess
import sys
from functools import cache, lru_cache
from threading import Lock

from hone.core.errors import HoneError

_WORKER = "hone.tasks.maths.symbolic"
READY = "ready"  # what the worker says first


@lru_cache(maxsize=65_536)  # after RL most answers to a problem are the same
def symbolically_equal(reference: str, answer: str) -> bool | None:
    """Whether two answers are the same expression; None where math-verify cannot tell.

    Raises:
        HoneError: math-verify cannot be started.
    """
    return _scorer(os.getpid()).equal(reference, answer)


class Scorer:
    """One long-lived process, started when it is first needed and again when it has died.

    It ends itself when a comparison takes too long: by the time it computes, so that a busy
    machine does not change a grade, and by a much longer time on the clock.

    Args:
        seconds: of computing that a comparison may take.
    """

    def __init__(self, seconds: int = 5) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._lock = Lock()

    def equal(self, reference: str, answer: str) -> bool | None:
        """The verdict; None where there is none.

        Raises:
            HoneError: math-verify cannot be started.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.close()
                self._process = _started(self._seconds)
            said = _asked(self._process, json.dumps([reference, answer]))
        return json.loads(said) if said else None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@cache
def _scorer(process: int) -> Scorer:
    """The one of a process; a fork must not share its parent's pipes."""
    scorer = Scorer()
    atexit.register(scorer.close)
    return scorer


def _started(seconds: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", _WORKER, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; a worker that it ended would cost a grade
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY:
        process.communicate()
        raise HoneError(
            "answers are compared by math-verify, which does not start; install it with: "
            f"pip install 'hone-lab[hf]' (what is wrong: {sys.executable} -m {_WORKER} 5)"
        )
    return process


def _asked(process: subprocess.Popen[str], question: str) -> str:
    """The answer to a question; "" where the process dies of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{question}\n")
        process.stdin.flush()
    except BrokenPipeError:
        return ""
    said = process.stdout.readline()
    if not said:
        process.wait()
    return said
