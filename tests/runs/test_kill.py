"""A killed run ends where an uninterrupted one does, and does nothing twice that it had saved."""

import os
import random
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.runs import tiny
from tests.runs.tiny import Checkpointed, checkpointed, contents, lives, steps_logged


def wait_until_gone(group: int) -> None:
    """Workers whose parent was killed end by themselves."""
    deadline = time.monotonic() + 20
    while lives(group):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)


def wait_for_steps(process: subprocess.Popen[str], out: Path) -> bool:
    """Until a stage under way logs a step in this session; False if the run ends before."""
    before = steps_logged(out)
    while steps_logged(out) <= before:
        if process.poll() is not None:
            process.communicate()
            return False
        time.sleep(0.02)
    return True


def carry_out_under_fire(study: Path, out: Path, kills: int) -> list[Checkpointed]:
    """Kill the run at random moments, then let it finish; what each kill found checkpointed."""
    moments, found = random.Random(), []
    for attempt in range(kills):
        process = tiny.start("run", study, "--out", out, "--workers", "2")
        if not wait_for_steps(process, out):
            break
        time.sleep(moments.uniform(0, 0.8))
        tiny.kill(process, group=attempt % 2 == 0)
        wait_until_gone(process.pid)
        found += checkpointed(out)
    done = subprocess.run(
        tiny.command("run", study, "--out", out), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return found


def check_survival(study: Path, out: Path, kills: int, reference: Path) -> None:
    found = carry_out_under_fire(study, out, kills)
    assert contents(out) == contents(reference)
    assert found
    assert all(each.was_kept() for each in found)
    assert not list(out.rglob(".writing-*"))
    assert not list(out.glob("stages/*/checkpoints"))


def test_a_run_killed_at_random_moments_ends_in_the_same_bits(
    study: Path, tmp_path: Path, reference: Path
) -> None:
    check_survival(study, tmp_path / "killed", 3, reference)


@pytest.mark.slow
def test_a_run_killed_many_times_ends_in_the_same_bits(
    study: Path, tmp_path: Path, reference: Path
) -> None:
    check_survival(study, tmp_path / "killed", 20, reference)


def test_ctrl_c_prints_the_command_that_finishes_the_run(
    study: Path, tmp_path: Path, reference: Path
) -> None:
    out = tmp_path / "a [red]folder[/red] with a name that is far longer than a terminal is wide"
    process = tiny.start("run", study, "--out", out, "--workers", "2")
    assert wait_for_steps(process, out)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    wait_until_gone(process.pid)
    words = shlex.split(output.splitlines()[-1].partition("to go on where it was: ")[2])
    assert words[0] == "hone"
    subprocess.run(tiny.command(*words[1:]), capture_output=True, check=True)
    assert contents(out) == contents(reference)


def test_ctrl_c_while_workers_start_is_as_quiet(study: Path, tmp_path: Path) -> None:
    process = tiny.start("run", study, "--out", tmp_path / "out", "--workers", "2")
    while not (tmp_path / "out" / ".lock").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
