"""What one part of one preset contributes to a published page, as files beside that page.

The parts of a large preset are run at different times and on different machines; each is kept as
it was published, so that a page is written anew from all of them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hone.core.errors import DamagedFile
from hone.core.files import read_json, write_bytes
from hone.measures.estimates import Number
from hone.report.page import FigureImage
from hone.report.tables import TextTable


@dataclass(frozen=True)
class Section:
    """One part of one preset, as it was run.

    Attributes:
        part: empty where the preset has no parts.
        environment: as `environment.json` holds it.
        seconds: of all its stages, one after the other.
        plan: digest of the stages it was planned as.
    """

    preset: str
    part: str
    claims: list[dict[str, Any]]
    figures: list[FigureImage]
    tables: list[TextTable]
    command: str
    environment: dict[str, Any]
    date: str
    seconds: Number
    plan: str

    @property
    def name(self) -> str:
        """The preset and, where there is one, the part."""
        return f"{self.preset}, {self.part}" if self.part else self.preset

    @property
    def stem(self) -> str:
        """What its file is called, without the suffix."""
        return f"{self.preset}-{self.part}" if self.part else self.preset

    def stem_of(self, figure: FigureImage) -> str:
        """What the figure's files are called, without the suffix."""
        return f"{self.stem}-{figure.name}"


_IMAGES = ("svg", "png")  # files of their own


def write_sections(
    folder: Path, sections: Sequence[Section], overviews: Sequence[FigureImage] = ()
) -> None:
    """Write every section and its figures, those of all together, and remove all other figures."""
    files: dict[str, bytes] = {}
    drawn = {figure.name: figure for figure in overviews}
    for section in sections:
        files[f"{section.stem}.json"] = _encoded(section)
        drawn |= {section.stem_of(figure): figure for figure in section.figures}
    for stem, figure in drawn.items():
        files[f"{stem}.svg"] = figure.svg.encode()
        files[f"{stem}.png"] = figure.png
    for name, content in files.items():
        write_bytes(folder / name, content)
    for path in [*folder.glob("*.svg"), *folder.glob("*.png")]:
        if path.name not in files:
            path.unlink()


def read_sections(folder: Path) -> list[Section]:
    """The sections that were published here.

    Raises:
        DamagedFile: a section's file, or a figure of it, cannot be read.
    """
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _encoded(section: Section) -> bytes:
    record = {field.name: getattr(section, field.name) for field in fields(section)}
    record["figures"] = [_words(figure) for figure in section.figures]
    record["tables"] = [vars(table) for table in section.tables]
    return as_json(record)


def _words(figure: FigureImage) -> dict[str, str]:
    return {name: text for name, text in vars(figure).items() if name not in _IMAGES}


def _read(path: Path) -> Section:
    record = read_json(path)
    try:
        bare = Section(**(record | {"figures": [], "tables": []}))
        drawn = [_figure(path.parent, bare, words) for words in record["figures"]]
        written = [_table(**words) for words in record["tables"]]
        return Section(**(record | {"figures": drawn, "tables": written}))
    except (TypeError, KeyError, OSError, ValueError) as error:
        raise DamagedFile(
            f"{path} is damaged ({error}): restore it from version control, or remove it and "
            "publish that part again"
        ) from error


def _figure(folder: Path, section: Section, words: dict[str, str]) -> FigureImage:
    blank = FigureImage(**words, svg="", png=b"")
    stem = section.stem_of(blank)
    svg = (folder / f"{stem}.svg").read_text(encoding="utf-8")
    return FigureImage(**words, svg=svg, png=(folder / f"{stem}.png").read_bytes())


def _table(
    headings: list[str], rows: list[list[str]], notes: Sequence[str] = (), **words: str
) -> TextTable:
    """`notes` may be missing: earlier publications have none."""
    cells = tuple(tuple(row) for row in rows)
    return TextTable(**words, headings=tuple(headings), rows=cells, notes=tuple(notes))


def as_json(value: Any) -> bytes:
    """The value as a JSON file, with null for what JSON has no number for."""
    text = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
