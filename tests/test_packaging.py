"""What a user installs: the wheel's contents, the installation's refusals, the import contract."""

import email
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "hone"


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with some of the environment changed; never raises."""
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # these tests may themselves run under make
    env = {name: value for name, value in os.environ.items() if name not in outer} | environ
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


# ------------------------------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built by the pinned backend without a network."""
    out = tmp_path_factory.mktemp("wheel")
    options = ["--wheel", "--no-isolation", "--outdir", str(out)]
    built = run(sys.executable, "-m", "build", *options, str(ROOT), cwd=out)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "hone/py.typed" in expected
    assert expected <= names
    assert not any(name.startswith("tests") for name in names)


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(archive.read(path))
    assert metadata["Name"] == "hone-lab"
    assert metadata["License-Expression"] == "Apache-2.0"
    licence = path.replace("METADATA", "licenses/LICENSE")
    assert b"Apache License" in archive.read(licence)


@pytest.mark.slow
def test_the_wheel_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Needs the package index and room for torch."""
    venv.create(tmp_path / "clean", with_pip=True)
    bin_folder = tmp_path / "clean" / "bin"
    constraints = ROOT / "constraints.txt"
    installed = run(bin_folder / "pip", "install", "-c", constraints, wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    said = run(bin_folder / "hone", "--help", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "doctor" in said.stdout
    listed = run(bin_folder / "hone", "list", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr


# ------------------------------------------------------------------------------------- the pins


def test_constraints_are_exact_and_portable() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    assert "torch==2.13.0" in lines
    assert all(line.count("==") == 1 and "+" not in line and "@" not in line for line in lines)
    assert not any(line.startswith(("nvidia", "cuda", "triton", "hone")) for line in lines)
    assert lines == sorted(lines, key=str.upper)


def test_every_direct_dependency_is_pinned() -> None:
    import importlib.metadata

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    pins = dict(line.split("==") for line in lines)
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    for text in importlib.metadata.requires("hone-lab") or ():
        requirement = Requirement(text)
        if requirement.name != "hone-lab":
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


# ----------------------------------------------------------------------------- the installation


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the installation reads, in a folder whose name has a space."""
    copy = tmp_path / "a tree"
    for name in (
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
        "scripts",
    ):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy_in(copy, name))
    return copy


def copy_in(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / name


def tools(folder: Path, **fakes: str) -> str:
    """A PATH with the shell's tools and the given fake programs, and no other Python."""
    folder.mkdir()
    for name in (
        "sh",
        "make",
        "dirname",
        "cat",
        "cksum",
        "du",
        "df",
        "awk",
        "grep",
        "tail",
        "cut",
        "rm",
        "mv",
    ):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    for name, script in fakes.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that says why the installation stopped, make's own closing line aside."""
    assert done.returncode != 0
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("make"))
    return line


def test_no_python_is_one_line(tree: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin")
    line = refusal(run("make", "demo", cwd=tree, PATH=path))
    assert "no Python 3.11 or later found" in line


def test_an_old_python_is_not_taken(tree: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", python3="exit 1")
    assert "no Python 3.11 or later" in refusal(run("make", "demo", cwd=tree, PATH=path))


def test_a_missing_venv_module_is_one_line(tree: Path, tmp_path: Path) -> None:
    fake = 'case "$2" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac'
    path = tools(tmp_path / "bin", **{"python3.12": fake})
    line = refusal(run("make", "demo", cwd=tree, PATH=path))
    assert "python3.12 has no venv module" in line


def test_a_full_disk_is_one_line_with_both_figures(tree: Path) -> None:
    line = refusal(run("make", "demo", cwd=tree, HONE_DISK_MIB="999999999"))
    assert "999999999 MiB needed here" in line
    assert "MiB free" in line


def test_an_unreachable_index_is_one_line_and_leaves_no_stamp(tree: Path) -> None:
    dead = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_NO_CACHE_DIR": "1",
    }
    isolated = {
        **dead,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PYTHON": sys.executable,
    }
    line = refusal(run("make", "test", cwd=tree, **isolated))
    assert "package index cannot be reached" in line
    assert not list((tree / ".venv").glob("installed-*"))


def test_an_up_to_date_environment_installs_nothing(tree: Path) -> None:
    """A stamp with the key of the present files is enough; a changed pin makes it stale."""
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").symlink_to(sys.executable)
    keyed = run(
        "sh",
        "-c",
        "{ pwd; cat pyproject.toml constraints.txt scripts/install.sh; } | cksum",
        cwd=tree,
    )
    (tree / ".venv" / "installed-dev").write_text(keyed.stdout)
    done = run("make", "install", cwd=tree, HONE_DISK_MIB="999999999")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with (tree / "constraints.txt").open("a") as pins:
        pins.write("another==1.0\n")
    assert "no disk space" in refusal(run("make", "install", cwd=tree, HONE_DISK_MIB="999999999"))


def test_make_alone_lists_the_targets(tree: Path) -> None:
    said = run("make", cwd=tree).stdout
    assert all(f"make {name} " in said for name in ("demo", "test", "test-slow", "bench", "clean"))


# ------------------------------------------------------------------------- the import contract


def contracted_packages() -> list[str]:
    """The packages that have a layer in the contract."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [name for layer in config["contracts"][0]["layers"] for name in layer.split(" | ")]


def test_wrong_imports_are_found(tmp_path: Path) -> None:
    """Each contract of the design breaks when a module imports what it may not."""
    wrong = {
        "core": "tasks",
        "tasks": "models",
        "sampling": "tasks",
        "training": "runs",
        "report": "models",
        "bench": "measures",
        "measures": "report",
        "runs": "studies",
        "objectives": "cli",
    }
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("", *contracted_packages()):
        (tmp_path / "hone" / name).mkdir()
        (tmp_path / "hone" / name / "__init__.py").touch()
    for source, target in wrong.items():
        (tmp_path / "hone" / source / "wrong.py").write_text(f"import hone.{target}\n")
    lint = Path(sys.executable).with_name("lint-imports")
    done = run(lint, "--no-cache", cwd=tmp_path, PYTHONPATH=str(tmp_path), COLUMNS="300")
    assert done.returncode == 1, done.stdout + done.stderr
    for source, target in wrong.items():
        assert f"hone.{source}.wrong -> hone.{target}" in done.stdout


# ------------------------------------------------------------------------- the tests themselves


def test_tests_have_one_thread_and_checked_shapes() -> None:
    import beartype.roar
    import torch

    from hone.bench.machine import Rate

    assert torch.get_num_threads() == 1
    if os.environ.get("HONE_TESTS_PLAIN") != "1":
        with pytest.raises((beartype.roar.BeartypeCallHintViolation, TypeError)):
            Rate(dtype="float32", gflops="fast", size=1, instructions=None)  # pyright: ignore[reportArgumentType]


def test_the_browser_renders_a_page(browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>document.title = 'ren' + 'dered'</script>")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    assert tab.title() == "rendered"


def test_without_a_browser_tests_skip_but_fail_on_ci(tmp_path: Path) -> None:
    test = f"{Path(__file__).relative_to(ROOT)}::test_the_browser_renders_a_page"
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    skipped = run(*command, cwd=ROOT, PATH=str(tmp_path), CI="")
    assert skipped.returncode == 0
    assert "install chromium" in skipped.stdout
    failed = run(*command, cwd=ROOT, PATH=str(tmp_path), CI="true")
    assert failed.returncode == 1
    assert "install chromium" in failed.stdout
