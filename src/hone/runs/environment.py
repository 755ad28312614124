"""Where a result was made: code, packages, machine."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import hone
from hone.core.stage import StageConfig
from hone.runs.keys import determining_hash

_PACKAGES = ("torch", "numpy", "polars", "pyarrow", "safetensors")


def environment() -> dict[str, object]:
    """What `environment.json` holds."""
    return {
        "code": code_version(),
        "determining": determining_hash(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "machine": machine(),
        "cores": os.cpu_count(),
        "threads": 1,
    }


def numerics(config: StageConfig) -> dict[str, str]:
    """The dtype and the device of a stage, by these names; nothing where its config has neither."""
    chosen = getattr(config, "numerics", None)
    return {} if chosen is None else {"dtype": chosen.dtype, "device": chosen.device}


@cache
def code_version() -> str:
    """`version+commit`, with `.dirty` where the tree has uncommitted changes to the package."""
    root = Path(hone.__file__).parent
    try:
        _git(root, "ls-files", "--error-unmatch", hone.__file__)  # else the repository is another's
        commit = _git(root, "rev-parse", "--short=10", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", str(root))
    except (OSError, subprocess.CalledProcessError):
        return hone.__version__
    return f"{hone.__version__}+{commit}" + (".dirty" if changed else "")


def machine() -> str:
    """Operating system, processor and architecture in words."""
    return f"{platform.system()} {platform.machine()}, {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
