"""The tiny study carried out once, without interruption."""

import shutil
from pathlib import Path

import pytest

from hone.studies import commands
from hone.studies.runfile import Request
from tests.runs import tiny


@pytest.fixture(scope="package")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny study. Not to be written to: take `finished` for that."""
    folder = tmp_path_factory.mktemp("reference")
    study = tiny.write_study(folder)
    commands.run(Request(str(study), "quick", out=folder / "out", workers=2))
    return folder / "out"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tiny.write_study(tmp_path)


@pytest.fixture
def finished(reference: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(reference, tmp_path / "out"))
