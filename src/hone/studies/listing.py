"""`hone list`: the studies and the tasks, and what one study can be told."""

import dataclasses

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hone.studies.registry import find_study, study_names
from hone.studies.settings import Key, keys
from hone.tasks.registry import TASKS
from hone.tasks.rendering import renderings

console = Console()


def list_studies() -> None:
    """Print every study with its presets and parts, and the tasks that `eval` knows."""
    table = Table("study", "what it asks", "presets")
    for name in study_names():
        study, _ = find_study(name)
        presets = (
            f"{preset}: {', '.join(part for part in parts if part)}".rstrip(": ")
            for preset, parts in study.presets.items()
        )
        table.add_row(name, f"{study.title}\n{study.paper}", "\n".join(presets))
    console.print(table)
    for name, task in TASKS.items():
        fields = ", ".join(field.name for field in dataclasses.fields(task))
        said = f"task {name}: fields {fields}; renderings {', '.join(renderings(task))}"
        console.print(said, highlight=False, soft_wrap=True)
    console.print("`hone list STUDY` shows the keys that `hone run STUDY key=value` takes")


def list_keys(name: str) -> None:
    """Print a study's presets with their parts, and every key with its values by preset.

    Raises:
        UsageError: there is no such study.
    """
    study, _ = find_study(name)
    for text in (study.title, study.paper, study.summary):
        console.print(Text(text))
    for preset, parts in study.presets.items():
        command = f"hone run {name} --preset {preset}"
        named = f" --part {'|'.join(parts)}" if "" not in parts else ""
        console.print(f"  {command}{named}", highlight=False, soft_wrap=True, markup=False)
    table = Table("key", "takes", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("value", overflow="fold")
    for key in keys(study.presets):
        table.add_row(*_row(key))
    console.print(table)


def _row(key: Key) -> tuple[Text, Text, Text]:
    """A key, what it takes and its comment, its values: where, only if presets differ in it."""
    takes = Text(key.kind) + Text(f"\n{key.comment}" if key.comment else "", style="dim")
    if len(key.values) == 1:
        return Text(key.name), takes, Text(next(iter(key.values)))
    lines = [f"{value} ({', '.join(places)})" for value, places in key.values.items()]
    return Text(key.name), takes, Text("\n".join(lines))
