"""The paper's own arms, stage by stage, on corpora and a model in miniature."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.models.config import parameters
from hone.runs.plan import unique
from hone.runs.results import Finished, Results
from hone.studies.echo_chamber import arms
from hone.studies.echo_chamber.arms import PAPER_SCALES, Scale, Settings
from hone.studies.echo_chamber.claims.maths import MATHS
from hone.studies.echo_chamber.corpora import PAPER_MIXTURES
from hone.studies.echo_chamber.study import plan, study
from hone.studies.echo_chamber.tables_elsewhere import transfer
from hone.studies.study import assess
from hone.tasks.maths.corpus import TextCorpus
from hone.training.configs import PostTrain, Pretrain
from tests.language_models import write_language_model
from tests.studies.corpora import write_corpora
from tests.studies.stages import carry_out

pytest.importorskip("transformers")


def test_the_models_have_as_many_weights_as_the_papers() -> None:
    small, large = (parameters(scale.decoder(32_000, 2048)) for scale in PAPER_SCALES.values())
    assert small == 162_398_208
    assert large == pytest.approx(1.139e9, rel=0.001)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpora(tmp_path_factory.mktemp("data"))


@pytest.fixture
def settings(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(arms.PAPER_SCALES, "150M", Scale(32, 1, 1e-3, 1e-4, 2))
    monkeypatch.setattr("hone.studies.echo_chamber.corpora.PROMPT", 64)
    monkeypatch.setattr("hone.studies.echo_chamber.corpora.RESPONSE", 8)
    tokenizer = write_language_model(tmp_path / "model", template=None)
    return replace(
        study.settings("paper", "150M"), tokenizer=str(tokenizer), data=str(data), steps=2,
        batch=4, rounds=1, prompts=2, group=2, updates=1, problems=4, samples=2, looks=1,
        device="cpu", dtype="float32",
    )  # fmt: skip


def test_the_settings_are_the_papers() -> None:
    preset = study.settings("paper", "150M")
    assert (preset.prompts, preset.group, preset.minibatch) == (64, 8, 64)
    assert (preset.temperature, preset.samples, preset.top_p) == (0.7, 64, 0.95)
    assert set(study.presets["paper"]) == set(PAPER_MIXTURES)


def test_every_stage_of_an_arm_can_be_carried_out(settings: Settings, tmp_path: Path) -> None:
    nodes = [node for node in plan(settings) if node.arm.startswith("TG + 4×OMI1")]
    for node in unique(nodes):
        carry_out(node, tmp_path / "run")
    (after,) = (node for node in unique(nodes) if node.stage == "hard after")
    (file,) = (after.folder(tmp_path / "run") / "rollouts").glob("*.parquet")
    table = pl.read_parquet(file)
    assert set(table["temperature"]) == {0.7}
    assert table.height == 4 * 2


def test_a_released_model_takes_the_place_of_the_papers(settings: Settings, tmp_path: Path) -> None:
    """It is asked GSM8K, MATH and AIME before RL and after it, free and greedily."""
    own = replace(settings, experiments=("checkpoint",), model=settings.tokenizer)
    nodes = unique(plan(own))
    for node in nodes:
        carry_out(node, tmp_path / "run")
    asked = {node.stage for node in nodes if node.stage.endswith("after")}
    problems = ("", "hard ", "hardest ")
    assert asked == {f"{each}{how}after" for each in problems for how in ("", "greedy ")}
    stages = tuple(Finished.of(node, tmp_path / "run") for node in plan(own))
    results = Results(study.name, stages)
    of_mixtures = {"one_corpus_rises"}
    decided = {each["id"] for each in assess(study.claims, results)}
    assert decided == {each.id for each in MATHS} - of_mixtures
    (row,) = (transfer(results) or {}).values()
    assert {"easy, after", "hard, after", "hardest, after"} <= set(row)
    with pytest.raises(UsageError, match="model is not given"):
        plan(replace(own, model=None))


def test_arms_are_compared_as_those_from_scratch_are(settings: Settings) -> None:
    nodes = unique(plan(settings))
    rl = [node for node in nodes if isinstance(node.config, PostTrain)]
    assert {node.factors["kl"] for node in rl if node.factors["experiment"] == "collapse"} == {
        0.0, 1e-3, 1e-2,
    }  # fmt: skip
    compared = [node for node in plan(settings) if node.factors.get("experiment") == "algorithms"]
    assert {node.factors["by"] for node in compared if node.stage == "rl"} == {
        "PPO", "PPO, no KL", "GRPO", "GRPO, KL", "GRPO as released", "EI, restarted",
        "EI, continued",
    }  # fmt: skip
    assert all(node.config.algorithm.critic is None or node.config.algorithm.critic.lr == 7.0
               for node in rl if isinstance(node.config, PostTrain))  # fmt: skip


def test_what_is_read_grows_with_repeats(settings: Settings) -> None:
    """Of corpora of 200 documents each, four to a step."""

    def steps(arm: str) -> int:
        (node,) = (node for node in unique(plan(replace(settings, steps=10_000)))
                   if node.arm == arm and isinstance(node.config, Pretrain))  # fmt: skip
        assert isinstance(node.config, Pretrain)
        return node.config.steps

    assert [steps(f"{times}×TG") for times in (1, 2, 4, 8)] == [150, 200, 300, 500]


def test_repeats_weigh_a_corpus(settings: Settings) -> None:
    def share(arm: str, name: str) -> float:
        (node,) = (node for node in unique(plan(settings))
                   if node.arm == arm and isinstance(node.config, Pretrain))  # fmt: skip
        assert isinstance(node.config, Pretrain)
        assert isinstance(node.config.corpus, TextCorpus)
        return {each.name: each.weight for each in node.config.corpus.sources}[name]

    assert share("1×TG", "tinygsm") == pytest.approx(1 / 3)
    assert share("8×TG", "tinygsm") == pytest.approx(8 / 10)
    assert share("TG + 8×OMI1", "omi1") == pytest.approx(8 / 11)
    assert share("TG alone", "tinygsm") == 1


def test_a_corpus_can_be_named_instead_of_put_there(
    settings: Settings, data: Path, tmp_path: Path
) -> None:
    """By a line that says where it is; results do not depend on it."""
    named = write_corpora(tmp_path / "named")
    (named / "tinygsm.jsonl").rename(tmp_path / "elsewhere.jsonl")
    (named / "tinygsm.hub").write_text(f"{tmp_path / 'elsewhere.jsonl'}\n")

    def keys(folder: Path) -> list[str]:
        return [node.folder(folder).name for node in plan(replace(settings, data=str(folder)))]

    assert keys(named) == keys(data)
    unnamed = write_corpora(tmp_path / "unnamed")
    (unnamed / "tinygsm.jsonl").rename(unnamed / "tinygsm.hub").write_text("")
    with pytest.raises(UsageError, match=r"tinygsm.hub = 'nothing' .* NAME-ON-THE-HUB"):
        keys(unnamed)


def test_what_is_missing_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tokenizer is not given"):
        plan(replace(settings, tokenizer=None))
    with pytest.raises(UsageError, match="0 files or folders called finemath"):
        plan(replace(settings, data=str(tmp_path)))
    with pytest.raises(UsageError, match="scale"):
        plan(replace(settings, scale="0.1M"))
