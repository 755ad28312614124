"""Each stage once; a failure stops only what stands on it; one run at a time in a folder."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hone.core.errors import HoneError, UsageError
from hone.runs.executor import Progress, execute, study_folder
from hone.runs.plan import Node
from tests.runs.toy import Toy, carried_out, node


def run(nodes: Sequence[Node], root: Path, workers: int = 2) -> list[Progress]:
    """Execute, and what the watcher was shown."""
    (root / "stages").mkdir(exist_ok=True)
    seen: list[Progress] = []
    execute(nodes, root, workers, seen.append)
    return seen


def test_arms_share_equal_stages(tmp_path: Path) -> None:
    arms = [
        node(Toy(after), arm=after, policy=node(Toy("base", note=after), arm=after))
        for after in ("star", "grpo")
    ]
    seen = run(arms, tmp_path)
    assert carried_out(tmp_path) == ["base", "grpo", "star"]
    assert seen[-1].total == 3
    assert not seen[-1].running
    run(arms, tmp_path)
    assert carried_out(tmp_path) == ["base", "grpo", "star"]


def test_a_failure_stops_only_what_stands_on_it(tmp_path: Path) -> None:
    failing = node(Toy("failing", fate="fails"), arm="bad")
    below = node(Toy("below"), arm="bad", policy=failing)
    sound = node(Toy("after"), arm="good", policy=node(Toy("before"), arm="good"))
    with pytest.raises(HoneError) as caught:
        run([below, sound], tmp_path)
    assert str(caught.value) == (
        "1 stage failed, 2 of 4 not done: bad/failing (seed 0): this stage was meant to fail"
    )
    assert carried_out(tmp_path) == ["after", "before", "failing"]


def test_a_fault_in_a_stage_stops_only_it_and_leaves_its_traceback(tmp_path: Path) -> None:
    broken = node(Toy("broken", fate="breaks"), arm="bad")
    with pytest.raises(HoneError) as caught:
        run([broken, node(Toy("after"), arm="good")], tmp_path)
    traceback = broken.folder(tmp_path) / "error.txt"
    assert str(caught.value).endswith(
        f"bad/broken (seed 0): ZeroDivisionError: this stage has a fault (traceback: {traceback})"
    )
    assert "toy.py" in traceback.read_text()
    assert carried_out(tmp_path) == ["after", "broken"]


def test_a_killed_worker_is_put_down_to_memory(tmp_path: Path) -> None:
    with pytest.raises(HoneError) as caught:
        run([node(Toy("greedy", fate="is killed"))], tmp_path, workers=1)
    message = str(caught.value)
    assert "most likely for want of memory, while arm/greedy (seed 0) ran" in message
    assert "fewer --workers" in message
    assert "\n" not in message


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        study_folder(tmp_path / "out", "toy"),
        pytest.raises(UsageError, match=r"another run is using .*out; wait for it or use --out"),
        study_folder(tmp_path / "out", "toy"),
    ):
        pass
    with study_folder(tmp_path / "out", "toy"):
        pass  # free again


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(UsageError, match=r"cannot write .*out \(Permission denied\): choose"),
        study_folder(tmp_path / "out", "toy"),
    ):
        pass
