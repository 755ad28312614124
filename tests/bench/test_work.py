"""The operations that shares of a peak are made of are those that PyTorch counts."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hone.bench import cases
from hone.core.random import Stream
from hone.models import kernels
from hone.models.config import DecoderConfig, gpt2_style, mistral_style, parameters
from hone.objectives.algorithms import next_token_prediction
from hone.training.supervised_data import demonstrations
from tests.bench.test_contest import QWEN

ROWS = 6
CONFIGS = {
    "GPT-2 style": gpt2_style(5, 32, 3, 2, 64),
    "Mistral style": mistral_style(5, 64, 2, 64, head_dim=16, kv_heads=2),
    "Qwen2 style": QWEN,
    "one layer": mistral_style(5, 32, 1, 64, head_dim=16),
}


@pytest.mark.parametrize("style", CONFIGS)
def test_linear_layers_are_counted_as_they_are_computed(
    style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_ONEDNN", False)  # whose products PyTorch does not count
    counted = products(CONFIGS[style])
    linear = counted[torch.ops.aten.mm] + counted.get(torch.ops.aten.addmm, 0)
    tokens = ROWS * (cases.TASK.prompt_tokens + cases.TASK.max_tokens)
    assert linear == pytest.approx(tokens * cases.training_work(CONFIGS[style]), rel=1e-12)
    rest = set(counted) - {torch.ops.aten.mm, torch.ops.aten.addmm}
    assert rest == {torch.ops.aten.bmm}, "besides, there are attention's products alone"


def test_six_operations_a_weight_would_be_too_many() -> None:
    config = cases.LADDER["3"]
    assert cases.training_work(config) / (6 * parameters(config)) == pytest.approx(0.89, abs=0.005)


@pytest.mark.parametrize(("size", "more"), [("0.1", 0.10), ("25", 0.01)])
def test_attentions_products_are_as_few_as_it_says(
    size: str, more: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_ONEDNN", False)
    counted = products(cases.LADDER[size])
    attention = counted[torch.ops.aten.bmm]
    assert attention / (sum(counted.values()) - attention) == pytest.approx(more, abs=0.005)


def products(config: DecoderConfig) -> dict[object, int]:
    """Operations of a batch's forward and backward pass, by operator, as PyTorch counts them."""
    learner = cases.learner(config, next_token_prediction(), "float32", compiled=False)
    batch = demonstrations(cases.TASK, (("long", 1.0),), ROWS, Stream.root(0))
    with FlopCounterMode(display=False) as counter:
        learner.accumulate(batch)
    return counter.get_flop_counts()["Global"]
