"""The race: fair by construction, and its ratios are what they say."""

from pathlib import Path
from typing import Any

import pytest

from hone.bench import machine, race
from hone.bench.cases import TASK
from hone.bench.processes import OutOfMemory, measured
from hone.bench.show import bench, threads_on_idle_cores
from hone.core.errors import HoneError, UsageError


def test_ratios_are_of_medians_with_the_extremes_beside() -> None:
    slow = race.Timed("slow", (4.0, 6.0, 5.0), 21.0)
    fast = race.Timed("fast", (1.0, 2.0, 1.0), 21.0)
    assert race.ratio(slow, fast) == (5.0, 2.0, 6.0)


def test_a_measurement_that_fails_says_why_in_one_line() -> None:
    with pytest.raises(HoneError) as caught:
        measured("hone.bench.teach", "/dev/null/nowhere", "0.1")
    assert "a measurement failed: hone.bench.teach" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "against", "named"), [(("7",), None, "size"), (("0.1",), "verl", "against")]
)
def test_impossible_races_are_refused(
    sizes: tuple[str, ...], against: str | None, named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        bench(sizes, against, turns=1, threads=1, as_json=False)


@pytest.mark.parametrize("threads", [0, -1, 10_000])
def test_threads_without_cores_are_refused_at_once(threads: int) -> None:
    with pytest.raises(UsageError, match=rf"threads = {threads} .*allowed: 1 to \d+, the cores"):
        bench(("0.1",), "trl", turns=1, threads=threads, as_json=False)


def test_a_race_on_all_cores_needs_them_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: machine.Cores(2, 4, 4))
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.1)
    assert threads_on_idle_cores() == (1, 4)
    assert threads_on_idle_cores(4) == (4,)
    monkeypatch.setattr(machine, "busy_cores", lambda: 1.3)
    with pytest.raises(HoneError, match=r"others keep 1\.3 of them busy") as caught:
        bench(("0.1",), "trl", turns=1, threads=1, as_json=False, all_cores=True)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="all_cores = True"):
        bench(("0.1",), None, turns=1, threads=1, as_json=False, all_cores=True)


STEP = {64: 2.0, 512: 3.0}
"""Seconds of a made-up TRL's step by micro-batch, which needs this many of them to the level:"""
NEEDED = {64: 8, 512: 4}


def made_up(module: str, *arguments: str, threads: int = 1) -> dict[str, Any]:
    """A measurement: small micro-batches have faster steps, large ones faster runs."""
    if module.endswith("hone_steps"):
        return {"seconds": [1.0] * 9, "tokens": 21.0, "accuracies": {"2": 0.99}}
    size = int(arguments[4])
    accuracies = {str(NEEDED[size]): 0.97}
    return {"seconds": [STEP[size] / threads] * 9, "tokens": 21.0, "accuracies": accuracies}


def test_each_kind_of_race_finds_trls_best_by_its_own_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(race, "measured", made_up)
    track = race.Track(Path("checkpoint"), threads=(1, 2))
    steps, runs = race.race(track, turns=2), race.whole_runs(track, turns=3)
    assert steps[0].name == "TRL, micro-batches of 64, float32, 2 threads"
    assert (steps[0].median, len(steps[0].seconds)) == (1.0, 2 * 8)
    assert [one.name for one in steps[-2:]] == [
        "hone, float32, 1 thread",
        "hone, bfloat16, 1 thread",
    ]
    assert len(steps) == 2 * 2 + 2, "the slower micro-batch does not run"
    assert runs[0].name == "TRL, micro-batches of 512, float32, 2 threads"
    assert (runs[0].median, len(runs[0].seconds)) == (6.0, 3)
    assert len(runs) == 2 * 2 * 2 + 2
    for found in (steps, runs):
        theirs = [one.median for one in found[:-2]]
        assert theirs == sorted(theirs)


def test_what_does_not_fit_into_memory_is_no_ones_best(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(module: str, *arguments: str, threads: int = 1) -> dict[str, Any]:
        if module.endswith("trl_steps") and arguments[4] == "64":
            raise OutOfMemory("a measurement failed")
        return made_up(module, *arguments, threads=threads)

    monkeypatch.setattr(race, "measured", full)
    best = race.best_of_trl(race.Track(Path("checkpoint")))
    assert [setting.micro_batch for setting in best] == [512, 512]


def test_a_whole_run_ends_with_the_first_evaluation_at_the_level() -> None:
    found = {"seconds": [1.0, 2.0, 3.0, 4.0], "tokens": 9.0, "accuracies": {"2": 0.96, "4": 1.0}}
    run = race._whole("one", found)
    assert (run.seconds, run.steps) == ((3.0,), 2)
    never = race._whole("one", {**found, "accuracies": {"4": 0.9}})
    assert never.median == float("inf")


@pytest.mark.slow
def test_both_contestants_write_whole_chains(tmp_path: Path) -> None:
    """Equal token counts, or the race is not one."""
    pytest.importorskip("trl")
    track = race.Track(race.teach(tmp_path, "0.1", whole=False))
    for one in race.race(track, turns=1, steps=3):
        assert one.tokens == pytest.approx(TASK.max_tokens, abs=0.5)
        assert len(one.seconds) == 3
