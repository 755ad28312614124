"""A plan: the stages of a study's arms as a graph in which equal stages are one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hone.core.errors import require
from hone.core.stage import StageConfig
from hone.runs.folder import is_complete
from hone.runs.keys import stage_key

Factor = str | int | float


@dataclass(frozen=True)
class Node:
    """One stage of one arm, for one seed.

    Two nodes with the same config, seed and inputs have the same key and are carried out once,
    whatever their arms are called.
    """

    arm: str
    stage: str
    config: StageConfig
    seed: int
    inputs: Mapping[str, "Node"] = field(default_factory=dict)
    factors: Mapping[str, Factor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in self.config.needs:
            require(role in self.inputs, f"inputs of {self.arm} · {self.stage}", list(self.inputs),
                    f"stages for {', '.join(self.config.needs)}")  # fmt: skip

    @cached_property
    def key(self) -> str:
        return stage_key(
            self.stage,
            self.config,
            self.seed,
            {role: node.key for role, node in self.inputs.items()},
        )

    @property
    def name(self) -> str:
        """Of the stage's run folder."""
        return f"{self.stage}-{self.key}"

    def folder(self, root: Path) -> Path:
        """Where the stage's run folder is, or will be, under a study's folder."""
        return root / "stages" / self.name


def unique(nodes: Iterable[Node]) -> list[Node]:
    """The nodes and all that they stand on, each key once, inputs first."""
    seen: dict[str, Node] = {}

    def visit(node: Node) -> None:
        for below in node.inputs.values():
            visit(below)
        seen.setdefault(node.key, node)

    for node in nodes:
        visit(node)
    return list(seen.values())


def most_urgent_first(nodes: Iterable[Node]) -> list[Node]:
    """Each key once, by the work of the longest chain of stages that it begins.

    The stages that much else waits for start early, so that workers do not run dry at the end.
    """
    order = unique(nodes)
    ahead = {node.key: node.config.tokens for node in order}
    for node in reversed(order):  # what stands on a node comes after it
        for below in node.inputs.values():
            through = below.config.tokens + ahead[node.key]
            ahead[below.key] = max(ahead[below.key], through)
    return sorted(order, key=lambda node: -ahead[node.key])


def missing(nodes: Iterable[Node], root: Path) -> list[Node]:
    """The stages that are still to be carried out."""
    return [node for node in unique(nodes) if not is_complete(node.folder(root))]
