"""A checkpoint that other libraries read."""

from pathlib import Path

import pytest

from hone.models import checkpoint
from tests import tiny


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    checkpoint.save(tiny.decoder(0), path, tiny.TASK.alphabet)
    return path
