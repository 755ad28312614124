"""A stage's identity: a hash of what determines its result, and of nothing else."""

import dataclasses
import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import hone
from hone.core.errors import DamagedFile
from hone.core.stage import StageConfig

DETERMINING = ("core", "tasks", "models", "sampling", "objectives", "training")
"""Packages whose code determines the result of a stage."""


def describe(value: Any, semantic_only: bool = False) -> Any:
    """A config as plain JSON data; dataclasses carry their class, so that `rebuild` can undo it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {
            field.name: describe(getattr(value, field.name), semantic_only)
            for field in dataclasses.fields(value)
            if not (semantic_only and _says_nothing(field, getattr(value, field.name)))
        }
        return {"class": f"{kind.__module__}:{kind.__qualname__}", **fields}
    if isinstance(value, Mapping):
        return {str(key): describe(item, semantic_only) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [describe(item, semantic_only) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{value!r} cannot be part of a config; use dataclasses of plain values")


def _says_nothing(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a field's value has no part in the result, or none that was not there before it."""
    if field.metadata.get("semantic") is False:
        return True
    return "later" in field.metadata and value == field.default


def rebuild(data: Any) -> Any:
    """The config that `describe` turned into data.

    Raises:
        DamagedFile: the data name something that is no dataclass of ours or of a loaded study, or
            fields that it does not have. A folder may come from anybody: nothing else is called.
    """
    if isinstance(data, dict) and "class" in data:
        fields = {key: rebuild(item) for key, item in data.items() if key != "class"}
        try:
            return _dataclass(data["class"])(**fields)
        except (TypeError, ValueError, AttributeError) as error:
            raise DamagedFile(
                f"a config holds a {data['class']} that cannot be: {error}"
            ) from error
    if isinstance(data, dict):
        return {key: rebuild(item) for key, item in data.items()}
    if isinstance(data, list):
        return tuple(rebuild(item) for item in data)
    return data


def _dataclass(name: Any) -> type:
    """The dataclass that a description names."""
    module, _, kind = str(name).partition(":")
    made = getattr(_module(module), kind, None)
    if not (isinstance(made, type) and dataclasses.is_dataclass(made)):
        raise DamagedFile(f"a config names {name!r}, which is no configuration of ours")
    return made


def _module(name: str) -> ModuleType | None:
    """One of ours, or of a study that is loaded."""
    if name.split(".")[0] != hone.__name__:
        return sys.modules.get(name)
    try:
        return importlib.import_module(name) if find_spec(name) else None
    except (ImportError, ValueError):  # below what is no package, or no name at all
        return None


def stage_key(stage: str, config: StageConfig, seed: int, inputs: Mapping[str, str]) -> str:
    """Hash of a stage's name, version, semantic fields, seed, inputs' keys and foreign source.

    Args:
        stage: its name, which also names its folder.
        config: what it does.
        seed: its root seed.
        inputs: keys of the stages it stands on, by role.
    """
    identity = {
        "stage": stage,
        "implementation": config.implementation,
        "version": config.version,
        "config": describe(config, semantic_only=True),
        "seed": seed,
        "inputs": dict(sorted(inputs.items())),
        "source": _foreign_sources(config),
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@cache
def determining_hash() -> str:
    """Hash of the source of every module of ours that determines a stage's result."""
    root = Path(hone.__file__).parent
    files = sorted(file for package in DETERMINING for file in (root / package).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def _foreign_sources(config: StageConfig) -> dict[str, str]:
    """Hashes of the user's own modules that the config and its implementation come from."""
    modules = {config.implementation.partition(":")[0], *_modules(config)}
    foreign = sorted(name for name in modules if name.partition(".")[0] != "hone")
    return {
        name: hashlib.sha256(inspect.getsource(importlib.import_module(name)).encode()).hexdigest()
        for name in foreign
    }


def _modules(value: Any) -> set[str]:
    if dataclasses.is_dataclass(value):
        below = (_modules(getattr(value, field.name)) for field in dataclasses.fields(value))
        return {type(value).__module__}.union(*below)
    if isinstance(value, (tuple, list)):
        return set().union(*(_modules(item) for item in value))
    return set()
