"""Studies by name, or from a user's own file."""

import importlib
from pathlib import Path
from typing import Any

from hone.core.errors import UsageError, unknown
from hone.runs.worker import import_file
from hone.studies.study import Study

_BUILT_IN = {
    "parity": "hone.studies.rl_after_ntp.parity",
    "linear_theory": "hone.studies.rl_after_ntp.linear_theory",
    "multiplication": "hone.studies.rl_after_ntp.multiplication",
    "worked_mixture": "hone.studies.rl_after_ntp.worked_mixture",
    "select_and_improve": "hone.studies.select_and_improve.study",
    "echo_chamber": "hone.studies.echo_chamber.study",
    "methods": "hone.studies.post_training.methods",
}


def study_names() -> tuple[str, ...]:
    """The built-in studies."""
    return tuple(_BUILT_IN)


def find_study(name: str) -> tuple[Study[Any], Path | None]:
    """The study, and the file it comes from if that is the user's own.

    Raises:
        UsageError: neither a built-in name nor a Python file that defines `study`.
    """
    if name.endswith(".py"):
        path = Path(name).resolve()
        found = getattr(import_file(path), "study", None)
        if not isinstance(found, Study):
            raise UsageError(f"{path} defines no Study named `study`")
        return found, path
    if name not in _BUILT_IN:
        raise unknown("study", name, _BUILT_IN)
    return importlib.import_module(_BUILT_IN[name]).study, None
