"""What cannot be done is refused in one line, before anything is written."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from hone import cli
from hone.studies.registry import find_study, study_names
from tests.runs.tiny import command, hone

RUN = ["run", "parity", "--dry-run"]


def refused(arguments: list[str | Path], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which `hone` refuses."""
    code, output, errors = hone(arguments, capsys)
    assert (code, output) == (2, "")
    assert errors.startswith("hone: ")
    assert errors.count("\n") == 1
    return errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pariti"], ["study 'pariti'", "did you mean 'parity'?"]),
        (["nowhere.py"], ["nowhere.py does not exist"]),
        (["parity", "--preset", "fulll"], ["preset", "'fulll'", "'full'", "paper, quick"]),
        (["parity", "--preset", "full", "--part", "cor"], ["part", "'cor'", "'core'", "scale"]),
        (["parity", "--part", "core"], ["preset quick", "has no parts", "--part"]),
        (["parity", "archtecture=gpt2"], ["key 'archtecture'", "did you mean 'architecture'?"]),
        (["parity", "d"], ["'d' is not an override", "key=value"]),
        (["parity", "architecture=llama"], ["architecture = 'llama'", "mistral or gpt2"]),
        (["parity", "steps=many"], ["steps = 'many'", "a whole number"]),
        (["parity", "seeds=0,one"], ["seeds = 'one'", "a whole number"]),
        (["parity", "seeds="], ["seeds = ()", "one or more"]),
        (["parity", "lr=fast"], ["lr = 'fast'", "a finite number"]),
        (["parity", "lr=inf"], ["lr = 'inf'", "a finite number"]),
        (["parity", "lr=0"], ["lr = 0.0", "above 0"]),
        (["parity", "p_cot=1.5"], ["p_cot = 1.5", "[0, 1]"]),
        (["parity", "sweep=0.2,-0.1"], ["sweep = -0.1", "[0, 1]"]),
        (["parity", "d=1"], ["d = 1", "from 5 to 512"]),
        (["parity", "group=1"], ["group = 1", "2 or more with grpo"]),
        (["parity", "experiments=algorithm"], ["experiment 'algorithm'", "'algorithms'"]),
        (
            ["parity", "experiments=reward_and_temperature", "temperatures=0"],
            ["temperatures = 0.0", "above 0"],
        ),
        (["parity", "--workers", "0"], ["workers = 0", "1 or more"]),
        (["parity", "--workers", "two"], ["--workers = 'two'", "allowed: a whole number"]),
        (["parity", "--out", ""], ["--out is empty", "name a folder"]),
        (["parity", "--drydrun"], ["--drydrun", "--dry-run"]),
        (["parity", "experiments="], ["nothing to carry out", "preset quick"]),
        (["parity", "d=5", "--part", "core", "group=1"], ["group=1", "before the options"]),
        (["parity", "--out"], ["--out", "Missing value"]),
        ([], ["Missing", "A built-in name, or the path of a Python file"]),
    ],
)
def test_an_impossible_run_is_refused_before_anything_is_written(
    arguments: list[str],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused(["run", *arguments], capsys)
    assert [words for words in said if words not in message] == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["rnu"], [], ["--verbose"]])
def test_an_unknown_command_is_answered_with_the_known_ones(
    arguments: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "list, run, claims, report, eval, export, bench, doctor" in refused(arguments, capsys)


@pytest.mark.parametrize("arguments", [["claims", "nowhere"], ["report", "nowhere"]])
def test_a_folder_without_a_run_is_named(
    arguments: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nowhere holds no finished run" in refused(arguments, capsys)


@pytest.mark.parametrize("folders", [[], ["a", "b", "c"]])
def test_report_takes_one_folder_or_two(
    folders: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"one folder, or two to compare; got {len(folders)}" in refused(
        ["report", *folders], capsys
    )


def test_only_one_study_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(["report", "a", "b", "--publish", "results"], capsys)
    assert "one study's folder to publish; got 2" in said
    assert "--publish is empty" in refused(["report", "a", "--publish", ""], capsys)


@pytest.mark.parametrize("same", ["a", "./a", "b/../a"])
def test_a_run_is_not_compared_with_itself(same: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "are the same run" in refused(["report", "a", same], capsys)


@pytest.mark.parametrize("option", [["--samples", "few"], ["--temperature", "hot"]])
def test_what_is_no_number_is_refused_by_name(
    option: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["eval", "somewhere", *option], capsys)
    assert f"{option[0]} = '{option[1]}' is not possible; allowed: a " in said


@pytest.mark.parametrize(
    ("arguments", "notes"),
    [
        (["rare=0.1"], ["note: rare=0.1 changes no stage of quick"]),
        (["d=11", "steps=500"], ["note: d=11 is what there is already in quick"]),
        (["steps=500", "rounds=7"], []),
        (["sweep=0.25", "experiments=algorithms"], ["note: sweep=0.25 changes no stage of quick"]),
        (["rare=0.1", "--preset", "full"], []),  # matters in one of its parts
        (
            ["rare=0.1", "--preset", "full", "--part", "scale"],
            ["note: rare=0.1 changes no stage of full-scale"],
        ),
    ],
)
def test_an_override_that_changes_nothing_is_told(
    arguments: list[str], notes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = hone([*RUN, "--out", tmp_path, *arguments], capsys)
    assert (code, errors) == (0, "")
    assert [line for line in output.splitlines() if line.startswith("note: ")] == notes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sft_batch=0"], "sft_batch=0: batch = 0 is not possible; allowed: 1 or more"),
        (["longest=40", "rounds=3"], "longest=40: high = 40 is not possible; allowed: "),
        (["easy=1,4"], "easy=1,4: low = 1 is not possible; allowed: 2 or more"),
        (["seeds=1,1", "rounds=3"], "hone: seeds = (1, 1) is not possible; allowed: "),
    ],
)
def test_a_value_that_a_config_refuses_is_named_by_its_key(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(
        ["run", "select_and_improve", "--dry-run", "--out", tmp_path, *arguments], capsys
    )


def test_no_time_is_told_for_a_device_that_nothing_has_run_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = hone([*RUN, "--preset", "paper", "--out", tmp_path], capsys)
    assert code == 0
    assert "time not known: none has run on cuda yet; arms" in " ".join(output.split())
    assert "not known" in output


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_file_is_no_folder_for_runs(
    dry: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "below"):
        assert f"{file} is a file" in refused(["run", "parity", *dry, "--out", out], capsys)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_the_folder_of_another_study_is_left_alone(
    dry: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "study.json").write_text(json.dumps({"study": "modular"}))
    message = refused(["run", "parity", *dry, "--out", tmp_path], capsys)
    assert "belongs to study 'modular', not 'parity'" in message
    assert [file.name for file in tmp_path.iterdir()] == ["study.json"]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_folder_that_holds_something_else_is_left_alone(
    dry: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").touch()
    assert "not empty" in refused(["run", "parity", *dry, "--out", tmp_path], capsys)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "defines no Study"),
        ("study = 3", "defines no Study"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("study =", "SyntaxError"),
    ],
)
def test_a_file_that_is_no_study_is_named(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "no_study.py"
    file.write_text(content)
    message = refused(["run", file, "--out", tmp_path / "out"], capsys)
    assert str(file) in message
    assert said in message
    assert not (tmp_path / "out").exists()


def test_choices_are_read_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = hone([*RUN, "architecture=gpt2", "seeds=3", "--out", "new"], capsys)
    assert (code, errors) == (0, "")
    assert "different stages" in output


def test_a_refusal_is_one_line_for_a_process_too(tmp_path: Path) -> None:
    process = subprocess.run(
        command("run", "parity", "p_cot=2", "--out", tmp_path / "out"),
        capture_output=True,
        text=True,
        check=False,
    )
    said = "hone: p_cot = 2.0 is not possible; allowed: a number in [0, 1]\n"
    assert (process.returncode, process.stdout, process.stderr) == (2, "", said)
    assert not (tmp_path / "out").exists()


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import atexit, sys\n"
        "heavy = ('torch', 'polars', 'matplotlib', 'scipy', 'pyarrow', 'jinja2')\n"
        "atexit.register(lambda: print(*(name for name in heavy if name in sys.modules), "
        "sep=',', end='.'))\n"
        "from hone.cli import main; main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True
    )
    assert process.stdout.endswith("\n.")  # nothing between the help and the full stop
    assert "Carry out a study" in process.stdout


@pytest.mark.parametrize("name", ["list", "run", "claims", "report", "eval", "export", "doctor"])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = hone([name, "--help"], capsys)
    assert (code, errors) == (0, "")
    assert f"usage: hone {name}" in output


def test_list_names_every_study_preset_and_part(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = hone(["list"], capsys)
    assert (code, errors) == (0, "")
    for word in ("parity", "quick", "full", "core", "robustness", "paper"):
        assert word in output


@pytest.mark.parametrize("name", study_names())
def test_list_of_a_study_names_every_preset_part_and_key(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    study, _ = find_study(name)
    code, output, errors = hone(["list", name], capsys)
    assert (code, errors) == (0, "")
    for preset, parts in study.presets.items():
        assert f"--preset {preset}" in output
        for part, settings in parts.items():
            assert part in output
            for field in fields(settings):
                assert f"\n{field.name} " in output


def test_an_unknown_study_cannot_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'parity'?" in refused(["list", "pariti"], capsys)


def test_an_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: cli.List) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.List, "__call__", interrupt)
    assert hone(["list"], capsys) == (130, "", "")


def test_a_reader_that_stops_early_is_no_error() -> None:
    process = subprocess.Popen(
        command("report", "--help"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait() == 1
