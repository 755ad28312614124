"""The race: fair by construction, and its ratios are what they say."""

from pathlib import Path

import pytest

from hone.bench import race
from hone.bench.cases import TASK
from hone.bench.processes import measured
from hone.bench.show import bench
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
    track = race.Track(race.teach(tmp_path, "0.1"), threads=1)
    for one in race.race(track, turns=1):
        assert one.tokens == pytest.approx(TASK.max_tokens, abs=0.5)
        assert len(one.seconds) >= 3
