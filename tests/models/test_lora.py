"""Adapters compute what peft computes, change nothing at first, and freeze what they adapt."""

from pathlib import Path

import pytest
import torch

from hone.core.errors import DamagedFile
from hone.models import checkpoint, lora
from hone.models.config import LoRA
from hone.models.decoder import Decoder
from tests.models.tiny import CONFIGS, tiny, tokens

TWO = LoRA(rank=2, alpha=6.0)


def adapted(name: str, filled: bool = True) -> Decoder:
    decoder = tiny(name)
    generator = torch.Generator().manual_seed(3)
    lora.adapt(decoder, TWO, generator)
    if filled:
        with torch.no_grad():
            for weight in decoder.parameters():
                if weight.requires_grad:
                    weight.normal_(0.0, 0.2, generator=generator)
    return decoder


@pytest.mark.parametrize("name", CONFIGS)
def test_fresh_adapters_change_nothing(name: str) -> None:
    batch = tokens(2, 7)
    assert torch.equal(adapted(name, filled=False)(batch), tiny(name)(batch))


@pytest.mark.parametrize("name", ["gpt2", "qwen2-tied", "llama-biased", "mistral-wide-heads"])
@pytest.mark.filterwarnings("ignore::Warning")  # of theirs about theirs
def test_logits_are_those_of_peft(name: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
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
