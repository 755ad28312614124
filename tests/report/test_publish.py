import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hone.core.errors import DamagedFile, UsageError
from hone.report.page import FigureImage
from hone.report.publish import publish
from hone.report.sections import Section, read_sections
from tests.report.samples import claim, figure, table

ENVIRONMENT = {
    "code": "0.1.0+4302fda",
    "determining": "9f2a",
    "machine": "Linux x86_64",
    "python": "3.11.9",
    "packages": {"torch": "2.9.1"},
    "cores": 2,
    "threads": 1,
}


def section(**changes: Any) -> Section:
    fields: dict[str, Any] = {
        "preset": "quick",
        "part": "",
        "claims": [claim(statement="a quick claim")],
        "figures": [figure()],
        "tables": [table()],
        "command": "hone run parity --preset quick",
        "environment": ENVIRONMENT,
        "date": "2026-01-31",
        "seconds": 95.4,
        "plan": "51c0",
    }
    return Section(**(fields | changes))


def full(part: str, **changes: Any) -> Section:
    claims = [claim(id=part, statement=f"a claim of {part}")]
    return section(preset="full", part=part, claims=claims, **changes)


def published(
    folder: Path,
    *sections: Section,
    overviews: tuple[FigureImage, ...] = (),
    stale: tuple[str, ...] = (),
) -> str:
    words = {"title": "Parity", "paper": "A paper, 2025", "summary": "What RL does."}
    path = publish("parity", sections, folder, **words, overviews=overviews, stale=stale)
    assert path == folder / "parity.md"
    return path.read_text(encoding="utf-8")


def test_the_largest_preset_comes_first_with_its_parts_in_order(tmp_path: Path) -> None:
    text = published(tmp_path, section(), full("core"), full("ablations"))
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Claims (preset full)",
        "## full, core",
        "## full, ablations",
        "## quick",
    ]
    assert text.index("a claim of ablations") < text.index("## full, core")
    assert text.index("a quick claim") > text.index("## quick")


def test_every_section_says_how_it_was_made(tmp_path: Path) -> None:
    text = published(tmp_path, section())
    for words in ("    hone run parity --preset quick", "2026-01-31", "1 min 35 s", "Linux x86_64",
                  "0.1.0+4302fda", "torch 2.9.1"):  # fmt: skip
        assert words in text


def test_tables_hold_values_with_their_intervals(tmp_path: Path) -> None:
    text = published(tmp_path, section())
    assert "### Table 1" in text
    assert "| FB | 0.5 [0.4, 0.6] | 0.47 |" in text
    assert "| F | – | 0.57 | 0.7 [0.6, 0.8] ¹ |" in text
    assert "\n\n¹ one seed \\| left out\n\n" in text
    assert "Accuracy by arm \\| stage." in text


def test_figures_are_files_beside_the_page(tmp_path: Path) -> None:
    text = published(tmp_path, section(), full("core"))
    assert "![Accuracy rises from 0.5.](parity/full-core-curve.svg)" in text
    files = {path.name for path in (tmp_path / "parity").iterdir() if path.suffix != ".json"}
    assert files == {
        f"{name}-curve.{suffix}" for name in ("quick", "full-core") for suffix in ("svg", "png")
    }


def test_figures_of_an_earlier_publication_go(tmp_path: Path) -> None:
    published(tmp_path, section(figures=[figure("old")]))
    published(tmp_path, section(figures=[figure("new")]))
    assert {path.stem for path in (tmp_path / "parity").glob("*-*")} == {"quick-new"}


def test_figures_of_all_parts_together_stand_before_the_parts(tmp_path: Path) -> None:
    published(tmp_path, section(), full("core"), overviews=(figure("old"),))
    text = published(tmp_path, section(), full("core"), overviews=(figure("all"),))
    assert text.index("## All parts of full together") < text.index("## full, core")
    assert "(parity/all.svg)" in text
    assert {path.name for path in (tmp_path / "parity").glob("*l*.???")} >= {"all.svg", "all.png"}
    assert not (tmp_path / "parity" / "old.svg").exists()


def test_the_claims_file_holds_the_largest_preset(tmp_path: Path) -> None:
    missing = full("core")
    missing.claims[0].update(measured=float("nan"), interval=[0.5, float("inf")])
    published(tmp_path, section(), missing)
    (record,) = json.loads((tmp_path / "parity.claims.json").read_text(encoding="utf-8"))
    assert record["statement"] == "a claim of core"
    assert (record["measured"], record["interval"]) == (None, [0.5, None])


def test_notes_are_included_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "parity.notes.md").write_text("Seen **again** on <b>two</b> machines.\n")
    assert "## Notes\n\nSeen **again** on <b>two</b> machines.\n" in published(tmp_path, section())


def test_without_notes_there_is_no_heading(tmp_path: Path) -> None:
    assert "## Notes" not in published(tmp_path, section())


def test_parts_with_changed_code_are_marked(tmp_path: Path) -> None:
    text = published(tmp_path, full("core"), full("scale"), stale=("full, scale",))
    assert text.count("has changed since") == 1
    assert text.index("has changed since") > text.index("## full, scale")


def test_uncommitted_code_is_refused_by_name(tmp_path: Path) -> None:
    dirty = full("core", environment=ENVIRONMENT | {"code": "0.1.0+4302fda.dirty"})
    with pytest.raises(UsageError, match=r"full, core .* commit, then run it in a new folder"):
        published(tmp_path, section(), dirty)
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_two_parts_decide_is_refused(tmp_path: Path) -> None:
    again = replace(full("ablations"), claims=full("core").claims)
    with pytest.raises(UsageError, match="the claim core is decided by full, core and by full, ab"):
        published(tmp_path, full("core"), again)


def test_nothing_to_publish_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to publish"):
        published(tmp_path)


def test_publishing_again_changes_no_byte(tmp_path: Path) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    published(tmp_path, section(), full("core"))
    first = contents()
    published(tmp_path, section(), full("core"))
    assert contents() == first


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.0, "12 s"), (95.4, "1 min 35 s"), (4500.0, "1 h 15 min")]
)
def test_wall_times_read_well(seconds: float, text: str, tmp_path: Path) -> None:
    assert f"| time of all stages, one after the other | {text} |" in published(
        tmp_path, section(seconds=seconds)
    )


def test_a_page_does_not_lose_what_the_runs_lack(tmp_path: Path) -> None:
    before = published(tmp_path, section(), full("core"))
    with pytest.raises(UsageError, match="holds full, core, which these runs lack"):
        published(tmp_path, section())
    with pytest.raises(UsageError, match="holds quick, which these runs lack"):
        published(tmp_path, full("core"), full("ablations"))
    assert (tmp_path / "parity.md").read_text(encoding="utf-8") == before
    published(tmp_path, section(), full("core"), full("ablations"))


def test_a_section_read_back_is_the_section(tmp_path: Path) -> None:
    published(tmp_path, section(), full("core"))
    assert read_sections(tmp_path / "parity") == [full("core"), section()]


@pytest.mark.parametrize("lost", ["quick-curve.svg", "quick-curve.png"])
def test_a_figure_that_is_gone_is_named(lost: str, tmp_path: Path) -> None:
    published(tmp_path, section())
    (tmp_path / "parity" / lost).unlink()
    with pytest.raises(DamagedFile, match=rf"quick.json is damaged .*{lost}.*publish that part"):
        read_sections(tmp_path / "parity")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"preset": "quick"}'])
def test_rubbish_in_place_of_a_section_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "quick.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"quick.json"):
        read_sections(tmp_path)
