"""Adapters compute what peft computes, change nothing at first, and freeze what they adapt."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from hone.core.errors import DamagedFile
from hone.models import checkpoint, lora
from hone.models.config import LoRA
from hone.models.decoder import Decoder
from tests.models.tiny import CONFIGS, tiny, tokens

TWO = LoRA(rank=2, alpha=6.0)


def adapted(name: str, filled: bool = True, config: LoRA = TWO) -> Decoder:
    decoder = tiny(name)
    generator = torch.Generator().manual_seed(3)
    lora.adapt(decoder, config, generator)
    if filled:
        with torch.no_grad():
            for weight in decoder.parameters():
                if weight.requires_grad:
                    weight.normal_(0.0, 0.2, generator=generator)
    return decoder


def some_rows(decoder: Decoder) -> Tensor:
    return torch.randn(5, decoder.config.width, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("name", CONFIGS)
def test_fresh_adapters_change_nothing(name: str) -> None:
    batch = tokens(2, 7)
    assert torch.equal(adapted(name, filled=False)(batch), tiny(name)(batch))


@pytest.mark.parametrize("name", ["gpt2", "qwen2-tied", "llama-biased", "mistral-wide-heads"])
@pytest.mark.filterwarnings("ignore::Warning")  # of theirs about theirs
def test_logits_are_those_of_peft(name: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    decoder, batch = adapted(name), tokens(2, 7)
    checkpoint.save(tiny(name), tmp_path / "base")
    lora.save(decoder, tmp_path / "adapter")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    model = peft.PeftModel.from_pretrained(base, str(tmp_path / "adapter"))
    with torch.no_grad():
        theirs, ours = model(batch).logits, decoder.logits(decoder(batch))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_merging_changes_nothing_and_leaves_the_adapters(name: str) -> None:
    decoder, batch = adapted(name), tokens(2, 7)
    merged = lora.merged(decoder)
    assert not lora.is_adapted(merged)
    assert lora.is_adapted(decoder)
    torch.testing.assert_close(merged(batch), decoder(batch))
    assert {n: w.shape for n, w in merged.named_parameters()} == {
        n: w.shape for n, w in tiny(name).named_parameters()
    }


def test_only_adapters_learn() -> None:
    decoder = adapted("qwen2")
    decoder.logits(decoder(tokens(2, 7))).sum().backward()
    learned = {name for name, weight in decoder.named_parameters() if weight.grad is not None}
    # Of four projections, with rank 2: one pair each, but three of qkv and two of up.
    assert len(learned) == 3 * 2 * (3 + 1 + 2 + 1)
    assert all(".parametrizations.weight.0." in name for name in learned)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    decoder, other = adapted("qwen2"), adapted("qwen2", filled=False)
    lora.save(decoder, tmp_path)
    lora.load(other, tmp_path)
    assert torch.equal(decoder(tokens(2, 7)), other(tokens(2, 7)))


def test_adapters_of_another_rank_are_refused(tmp_path: Path) -> None:
    lora.save(adapted("qwen2"), tmp_path)
    other = tiny("qwen2")
    lora.adapt(other, LoRA(rank=3, alpha=6.0), torch.Generator())
    with pytest.raises(DamagedFile, match="another model or rank"):
        lora.load(other, tmp_path)


@pytest.mark.parametrize("name", CONFIGS)
def test_dropout_leaves_a_linear_layer_as_it_is_on_the_mean(name: str) -> None:
    """And every seed drops something else; without it nothing is dropped."""
    decoder = adapted(name, config=LoRA(2, 6.0, dropout=0.25))
    layer, rows = decoder.blocks[0].qkv, some_rows(decoder)
    whole = layer(rows)
    drawn = []
    for seed in range(500):
        with lora.dropping(decoder, seed):
            drawn.append(layer(rows))
    found = torch.stack(drawn)
    assert found.unique(dim=0).shape[0] == 500
    error = found.std(dim=0) / len(found) ** 0.5
    assert ((found.mean(dim=0) - whole).abs() < 5 * error + 1e-5).all()
    assert torch.equal(layer(rows), whole)


def test_dropout_drops_what_an_adapter_reads_and_nothing_else() -> None:
    """By hand: W x + α/r · B A (kept · x / (1 - rate)), from any output on."""
    decoder = adapted("gpt2", config=LoRA(2, 6.0, dropout=0.25))
    layer, rows = decoder.blocks[0].qkv, some_rows(decoder)
    frozen, a, b = (
        decoder.get_parameter(f"blocks.0.qkv.parametrizations.weight.{name}")
        for name in ("original", "0.a.0", "0.b.0")
    )
    kept = torch.empty_like(rows).bernoulli_(0.75, generator=torch.Generator().manual_seed(1))
    expected = rows @ frozen.T + layer.bias + 3 * (kept * rows / 0.75) @ a.T @ b.T
    with lora.dropping(decoder, 1):
        torch.testing.assert_close(layer(rows), expected)
    with lora.dropping(decoder, 1):
        torch.testing.assert_close(layer(rows, 4), expected[:, 4:])


@pytest.mark.filterwarnings("ignore::Warning")  # of theirs about theirs
def test_peft_reads_the_rate_of_dropout(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    lora.save(adapted("qwen2", config=LoRA(2, 6.0, dropout=0.25)), tmp_path)
    assert peft.PeftConfig.from_pretrained(str(tmp_path)).lora_dropout == 0.25
