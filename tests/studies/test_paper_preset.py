"""The paper's own settings, stage by stage, with a language model in miniature."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from hone.core.errors import DamagedFile, UsageError
from hone.models import checkpoint
from hone.runs.plan import Node, unique
from hone.runs.results import Finished, Results
from hone.studies.select_and_improve.statistics import accuracy_when
from hone.studies.select_and_improve.study import Settings, plan, study
from hone.training.adopt import weights_digest
from hone.training.configs import PostTrain, Supervise
from tests.language_models import write_language_model
from tests.studies.stages import carry_out

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The preset's, but for a model, numbers and lengths that a test has time for."""
    model = write_language_model(tmp_path_factory.mktemp("model"))
    return replace(
        study.settings("paper", "core"), experiments=("main",), seeds=(0,), model=str(model),
        easy=(2, 2), hard=(2, 2), sft=3, sft_batch=4, rounds=2, prompts=2, group=2, problems=2,
        samples=2, looks=1, device="cpu", dtype="float32",
    )  # fmt: skip


@pytest.fixture(scope="module")
def nodes(settings: Settings) -> list[Node]:
    """The stages of the mixed arm."""
    return [node for node in plan(settings) if node.arm.startswith("FB")]


@pytest.fixture(scope="module")
def run(nodes: list[Node], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    for node in unique(nodes):
        carry_out(node, root)
    return root


def stage(nodes: list[Node], name: str) -> Node:
    return next(node for node in unique(nodes) if node.stage == name)


def test_the_settings_are_the_papers(settings: Settings, nodes: list[Node]) -> None:
    preset, sft, rl = study.settings("paper", "core"), stage(nodes, "sft"), stage(nodes, "rl")
    assert isinstance(sft.config, Supervise)
    assert isinstance(rl.config, PostTrain)
    assert (preset.sft, preset.sft_batch, sft.config.optimizer.lr) == (2560, 16, 2e-4)
    assert (sft.config.distinct, rl.config.distinct) == (2048, 1024)
    assert sft.config.learn_prompts
    assert preset.sft * preset.sft_batch == 20 * 2048
    assert (preset.rounds, preset.prompts, preset.group) == (500, 32, 8)
    assert preset.rounds / preset.looks == 25
    assert (rl.config.optimizer.lr, rl.config.temperature) == (1e-5, 0.7)
    assert rl.config.algorithm.kl is not None
    assert rl.config.algorithm.kl.coefficient == 0.05
    for config in (sft.config, rl.config):
        assert config.lora is not None
        assert (config.lora.rank, config.lora.alpha) == (64, 128)
    assert sft.config.lora is not None
    assert sft.config.lora.dropout == 0.05


def test_a_stage_hands_on_the_sum_of_weights_and_adapters(nodes: list[Node], run: Path) -> None:
    """And what is not adapted, embeddings and norms, is the adopted model's."""
    before, after = (stage(nodes, name).folder(run) / "checkpoint" for name in ("adopt", "sft"))
    old, new = checkpoint.load(before), checkpoint.load(after)
    assert torch.equal(old.embedding, new.embedding)
    assert not torch.equal(old.blocks[0].qkv.weight, new.blocks[0].qkv.weight)
    adapters = load_file(after / "adapter" / "adapter_model.safetensors")
    name = "base_model.model.model.layers.0.self_attn.o_proj"
    change = 2 * adapters[f"{name}.lora_B.weight"] @ adapters[f"{name}.lora_A.weight"]
    torch.testing.assert_close(new.blocks[0].out.weight, old.blocks[0].out.weight + change)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_checkpoint_is_a_model_that_transformers_reads(nodes: list[Node], run: Path) -> None:
    transformers = pytest.importorskip("transformers")
    for name in ("adopt", "sft", "rl"):
        folder = stage(nodes, name).folder(run) / "checkpoint"
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        turn = [{"role": "user", "content": "Add e3"}]
        prompt = tokenizer.apply_chat_template(turn, return_tensors="pt", return_dict=True)
        assert model(**prompt).logits.isfinite().all()


def test_forced_responses_open_as_their_strategy_does(nodes: list[Node], run: Path) -> None:
    for strategy, side in (("forward", "input"), ("backward", "output")):
        folder = stage(nodes, f"before {strategy}").folder(run)
        table = pl.read_parquet(folder / "rollouts" / "evaluation-000000.parquet")
        assert table["response_text"].str.starts_with(f"Start from the {side}").all()


def test_statistics_and_figures_read_the_run(nodes: list[Node], run: Path) -> None:
    results = Results(study.name, tuple(Finished.of(node, run) for node in nodes))
    for when in ("before", "after", "before forward"):
        assert accuracy_when(when, experiment="main", data="FB")(results) is not None
    assert any(figure.draw(results) for figure in study.figures)


def test_a_model_that_is_not_there_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(UsageError, match=r"hf download Qwen/Qwen2\.5-1\.5B-Instruct"):
        plan(study.settings("paper", "core"))


def test_other_weights_in_the_same_folder_are_another_stage(
    settings: Settings, tmp_path: Path
) -> None:
    keys = []
    for seed in (0, 1):
        model = write_language_model(tmp_path / "model", seed=seed)
        node = stage(plan(replace(settings, model=str(model))), "adopt")
        keys.append(node.key)
    assert keys[0] != keys[1]
    write_language_model(tmp_path / "model", seed=2)
    with pytest.raises(DamagedFile, match="other weights"):
        carry_out(node, tmp_path / "run")


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model"):
        weights_digest(tmp_path)
