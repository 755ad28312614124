"""`hone eval`: what it prints, and which checkpoints it trusts."""

import json
import shutil
from pathlib import Path

import pytest

from hone.core.errors import DamagedFile, UsageError
from hone.runs.folder import FolderContext
from hone.studies.evaluate import Protocol, evaluate
from hone.training.configs import Evaluation, Optimizer, Supervise
from hone.training.supervised import supervise
from tests import tiny

PROTOCOL = Protocol(problems=8, samples=4, temperature=1.0, top_p=1.0, seed=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stage that trained for two steps."""
    folder = tmp_path_factory.mktemp("stage")
    config = Supervise(
        task=tiny.TASK,
        mixture=(("long", 1.0),),
        steps=2,
        batch=8,
        optimizer=Optimizer(1e-3),
        evaluation=Evaluation(4, every=10),
        model=tiny.decoder().config,
    )
    supervise(config, FolderContext(folder, 0, {}))
    return folder


def figures(
    folder: Path, capsys: pytest.CaptureFixture[str], protocol: Protocol = PROTOCOL
) -> dict:
    evaluate(folder, "parity:d=6", protocol, as_json=True)
    return json.loads(capsys.readouterr().out)


def test_every_figure_has_an_interval_that_holds_it(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures(run, capsys)["figures"]
    assert {"greedy accuracy", "pass@4", "majority@4", "sampled mean length"} <= set(found)
    for figure in found.values():
        if figure["interval"]:
            assert figure["interval"][0] <= figure["value"] <= figure["interval"][1]


def test_the_same_problems_have_the_same_name_and_others_another(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again, fewer = (
        figures(run, capsys, Protocol(n, 2, 1.0, 1.0, seed))["protocol"]["problem_set"]
        for n, seed in ((8, 0), (8, 1), (2, 0))
    )
    assert first == again != fewer


@pytest.mark.parametrize(("problems", "samples"), [(10_000_000, 1), (512, 1_000_000)])
def test_more_than_fits_into_memory_is_refused(problems: int, samples: int) -> None:
    with pytest.raises(UsageError, match=r"^problems.* is not possible; allowed: at most"):
        Protocol(problems, samples, 1.0, 1.0, 0)


def test_fewer_problems_than_asked_for_are_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(run, "parity:d=6", Protocol(5000, 1, 1.0, 1.0, 0), as_json=True)
    shown = capsys.readouterr()
    asked = json.loads(shown.out)["protocol"]["problems"]
    assert asked < 64
    assert shown.err.startswith(f"note: {asked} problems instead of 5000")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("[]", DamagedFile),
        ("{", DamagedFile),
        ('{"config": []}', DamagedFile),
        ('{"config": {"task": {"class": "hone.tasks.parity:Parity"}}}', DamagedFile),
        ('{"config": {"task": {"class": "hone.tasks.parity:Parity", "d": 1}}}', DamagedFile),
        ('{"config": {"task": {"class": "hone.nothing.here:Parity"}}}', DamagedFile),
        ('{"config": {"task": {"class": 3}}}', DamagedFile),
        ('{"config": {"task": "parity"}}', UsageError),
        ('{"config": {}}', UsageError),
        ("{}", UsageError),
    ],
)
def test_a_config_that_names_no_task_is_told_in_one_line(
    run: Path, tmp_path: Path, content: str, error: type[Exception]
) -> None:
    stage = Path(shutil.copytree(run, tmp_path / "stage"))
    (stage / "config.json").write_text(content)
    with pytest.raises(error) as raised:
        evaluate(stage, None, PROTOCOL, as_json=True)
    assert "\n" not in str(raised.value)
    assert ("config.json is " if error is DamagedFile else "does not say its task") in str(
        raised.value
    )


def test_a_checkpoint_of_a_run_folder_needs_its_manifest(run: Path) -> None:
    (run / "environment.json").write_text("{}")
    manifest = run / "checkpoint" / "manifest.json"
    kept = manifest.read_bytes()
    manifest.unlink()
    with pytest.raises(DamagedFile, match=r"manifest\.json"):
        evaluate(run, "parity:d=6", PROTOCOL, as_json=True)
    manifest.write_bytes(kept)


@pytest.mark.parametrize("task", ["parity", "parity:d=banana", "sums:d=4"])
def test_a_task_that_is_none_is_refused(run: Path, task: str) -> None:
    with pytest.raises(UsageError):
        evaluate(run, task, PROTOCOL, as_json=True)
