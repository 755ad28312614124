"""The study goes through from end to end in miniature, and its plans hold what they say."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.random import Stream
from hone.models.config import parameters
from hone.runs.plan import unique
from hone.runs.results import Finished, Results
from hone.studies import commands
from hone.studies.echo_chamber import (
    figures_elsewhere,
)
from hone.studies.echo_chamber.arms import SCALES
from hone.studies.echo_chamber.claims.algorithms import ALGORITHMS
from hone.studies.echo_chamber.claims.collapse import COLLAPSE, VARIETY
from hone.studies.echo_chamber.claims.maths import MATHS
from hone.studies.echo_chamber.claims.repeats import REPEATS
from hone.studies.echo_chamber.claims.scale import SCALE
from hone.studies.echo_chamber.claims.transfer import TRANSFER
from hone.studies.echo_chamber.claims.winner import OPTIMUM, WINNER
from hone.studies.echo_chamber.claims.within import WITHIN_FORMATS
from hone.studies.echo_chamber.mixtures import MIXTURES, added, growth, repeated, with_hard
from hone.studies.echo_chamber.study import EXPERIMENTS, study
from hone.studies.runfile import Request
from hone.studies.study import Claim
from hone.tasks.word_problems.corpus import WordCorpus
from hone.training.configs import Pretrain

EXAMPLE = Path(__file__).parents[2] / "examples" / "fourth_format.py"
TINY = (
    *("steps=10", "batch=8", "rounds=2", "looks=2", "prompts=4", "group=4", "updates=2"),
    *("problems=8", "samples=2", "high=1", "distractors=0"),
)


def carried_out(name: str, out: Path, *overrides: str) -> Path:
    commands.run(Request(name, "quick", overrides=(*TINY, *overrides), out=out, workers=1))
    (found,) = (file.parent for file in out.glob("*/run.json"))
    return found


def test_a_fourth_format_is_one_short_file(tmp_path: Path) -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 100
    folder = carried_out(str(EXAMPLE), tmp_path / "out")
    html = (folder / "report.html").read_text()
    assert 'id="figure-collapse"' in html
    tables = [
        pl.read_parquet(file) for file in (tmp_path / "out").glob("stages/before l*/**/*.parquet")
    ]
    assert "ledger" in set(pl.concat(tables)["forced"])


def test_the_study_goes_through(tmp_path: Path) -> None:
    """Experiments of the first parts at once; every claim on them finds what it needs."""
    folder = carried_out(
        "echo_chamber", tmp_path / "out",
        "experiments=collapse,gentle,crossover,well_read,all_sound,refinement,controls,optimum",
        "seeds=1,2",
        "repeats=1", "kls=0,0.01,0.1,0.5", "parts=0,0.5,1",
    )  # fmt: skip
    assert _decided(folder) == {
        claim.id for claim in (*COLLAPSE, *WINNER, *OPTIMUM, *VARIETY, *WITHIN_FORMATS)
    }
    html = (folder / "report.html").read_text()
    for figure in study.figures:
        is_elsewhere = figure in figures_elsewhere.ELSEWHERE
        assert (f'id="figure-{figure.name}"' in html) != is_elsewhere, figure.name


@pytest.mark.slow
def test_the_other_parts_go_through(tmp_path: Path) -> None:
    folder = carried_out(
        "echo_chamber", tmp_path / "out",
        "experiments=scale,tokens,algorithms,repeats,transfer", "seeds=1", "repeats=1",
    )  # fmt: skip
    assert _decided(folder) >= {claim.id for claim in (*SCALE, *ALGORITHMS, *REPEATS, *TRANSFER)}
    html = (folder / "report.html").read_text()
    for figure in figures_elsewhere.ELSEWHERE:
        assert f'id="figure-{figure.name}"' in html
    assert "harder steps in text" in html
    assert "What the algorithms learn from" in html


def _decided(folder: Path) -> set[str]:
    return {claim["id"] for claim in json.loads((folder / "claims.json").read_text())}


def test_no_claim_is_decided_by_two_parts_of_full(tmp_path: Path) -> None:
    """A page would hold it twice; and none is left that no part decides."""
    planned = (
        Results(study.name, tuple(Finished.of(node, tmp_path) for node in study.plan(part)))
        for part in study.presets["full"].values()
    )
    decided = Counter(
        claim.id for stages in planned for claim in study.claims if _reads(claim, stages)
    )
    assert set(decided.values()) == {1}
    elsewhere = {claim.id for claim in MATHS}  # decided by models that read the paper's corpora
    assert set(decided) == {claim.id for claim in study.claims} - elsewhere


def _reads(claim: Claim, stages: Results) -> bool:
    """Whether its measure looks into stages' tables, of which there are none here."""
    try:
        return claim.measure(stages) is not None
    except ValueError:
        return True


def test_repeats_share_what_comes_before_rl() -> None:
    settings = study.settings("full", "core", ("seeds=1", "experiments=collapse"))
    nodes = unique(study.plan(settings))
    kinds = [node.stage for node in nodes]
    assert (kinds.count("pretrain"), kinds.count("before")) == (1, 1)
    assert kinds.count("rl") == kinds.count("after") == 5  # two of them without a penalty
    assert {node.seed for node in nodes if node.stage == "rl"} == {1, 101}


def test_every_mixture_and_scale_can_be_read() -> None:
    for part in (*study.presets["full"].values(), *study.presets["larger"].values()):
        for name in part.experiments:
            for node in unique(EXPERIMENTS[name](part, 1)):
                if isinstance(node.config, Pretrain):
                    assert node.config.corpus.max_tokens <= node.config.model.context
    for mixture in MIXTURES.values():
        assert math.isclose(sum(source.weight for source in mixture.sources), 1)


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_is_as_large_as_its_name_says(name: str) -> None:
    said = float(name.removesuffix("M")) * 1e6
    counted = parameters(SCALES[name].decoder(vocab=200, context=256))
    assert counted == pytest.approx(said, rel=0.35)


def test_repeats_are_of_the_same_documents_at_as_many_tokens_or_beside_all_else() -> None:
    for times in (1, 2, 8):
        fixed, beside = repeated(times, 4000), added(times, 4000)
        for mixture, documents in ((fixed, 4000), (beside, 4000 * growth(times))):
            programs, text, background = mixture.sources
            assert programs.distinct == 200
            assert programs.weight * documents == pytest.approx(200 * times)
            assert sum(source.weight for source in mixture.sources) == pytest.approx(1)
            assert (text.weight * documents) == pytest.approx(400)
        assert background.weight * 4000 * growth(times) == pytest.approx(0.85 * 4000)


def test_what_repeats_replace_is_as_long_as_they_are() -> None:
    def tokens(times: int) -> float:
        mixture = repeated(times, 64_000)
        corpus = WordCorpus(study.settings("full", "repeats").task(), mixture.sources)
        return corpus.documents("validation", np.arange(4000), Stream.root(0)).tokens.lengths.mean()

    assert tokens(8) == pytest.approx(tokens(1), rel=0.02)


def test_hard_documents_replace_background() -> None:
    plain, hard = MIXTURES["balanced"], with_hard("text")
    assert hard.sources[-2].name == "hard text"
    assert not any(source.miscoded for source in hard.sources)
    assert sum(source.weight for source in hard.sources) == pytest.approx(1)
    assert hard.sources[-1].weight < 1 - 0.75
    assert plain.sources[-1].name == hard.sources[-1].name == "background"


def test_as_many_programs_take_the_place_of_repeats() -> None:
    again, fresh = repeated(8, 64_000), repeated(8, 64_000, fresh=True)
    assert again.sources[1:] == fresh.sources[1:]
    assert fresh.sources[0] == replace(again.sources[0], distinct=None)
