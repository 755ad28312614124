"""Carrying out the stages of a plan in this process."""

import importlib
from pathlib import Path

from hone.core.files import write_json
from hone.runs.folder import FolderContext
from hone.runs.keys import describe
from hone.runs.plan import Node


def carry_out(node: Node, root: Path) -> None:
    """One stage, its inputs having been carried out under the same root."""
    folder = node.folder(root)
    folder.mkdir(parents=True)
    identity = {"config": describe(node.config), "seed": node.seed, "key": node.key}
    write_json(folder / "config.json", identity)
    module, _, function = node.config.implementation.partition(":")
    inputs = {role: below.folder(root) for role, below in node.inputs.items()}
    context = FolderContext(folder, node.seed, inputs)
    getattr(importlib.import_module(module), function)(node.config, context)
