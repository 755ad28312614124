"""Our decoder and transformers' models are the same functions of the same files."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from hone.core.alphabet import Alphabet
from hone.models.cache import Cache
from hone.models.checkpoint import load, save
from hone.models.decoder import Decoder
from tests.models.tiny import CONFIGS, padded, tiny, tokens

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

SIZES: dict[str, Any] = {
    "vocab_size": 19,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
LLAMA: dict[str, Any] = SIZES | {
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 24,
}
ROPE: dict[str, Any] = {"rope_theta": 500.0, "rope_type": "default"}
GPT2: dict[str, Any] = SIZES | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 24}
THEIRS = {
    "llama": transformers.LlamaConfig(**LLAMA, rope_parameters=ROPE),
    "llama-biased": transformers.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True),
    "llama-tied": transformers.LlamaConfig(**LLAMA, tie_word_embeddings=True),
    "qwen2": transformers.Qwen2Config(**LLAMA),
    "qwen2-tied": transformers.Qwen2Config(**LLAMA, tie_word_embeddings=True),
    "mistral": transformers.MistralConfig(**LLAMA, head_dim=12, sliding_window=None),
    "gpt2": transformers.GPT2Config(**GPT2),
    "gpt2-untied": transformers.GPT2Config(**GPT2, n_inner=56, tie_word_embeddings=False),
    "olmo": transformers.OlmoConfig(**LLAMA),
}
PROMPT = 4


def agree(decoder: Decoder, theirs: transformers.PreTrainedModel) -> None:
    """Asserts equal logits on whole rows, on left-padded ones and token by token."""
    theirs.eval()
    ids = tokens(3, 9)
    expected = theirs(ids).logits
    close(decoder.logits(decoder(ids)), expected)
    short, mask = padded(ids, [9, 6, 2], "left")
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    batch = theirs(short, attention_mask=mask.long(), position_ids=positions).logits
    close(decoder.logits(decoder(short, mask))[mask], batch[mask])
    cache = Cache.from_prefix(decoder.prefill(ids[:, :PROMPT]), torch.arange(3), time=5)
    steps = [decoder(ids[:, step : step + 1], past=cache) for step in range(PROMPT, 9)]
    close(decoder.logits(torch.cat(steps, 1)), expected[:, PROMPT:])


def close(left: torch.Tensor, right: torch.Tensor) -> None:
    torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", THEIRS)
@torch.no_grad()
def test_their_folders_load_here(name: str, tmp_path: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_config(THEIRS[name])
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.normal_(float(parameter.dim() == 1), 0.2, generator=generator)
    model.save_pretrained(tmp_path, max_shard_size="20KB" if "tied" in name else "1GB")
    agree(load(tmp_path), model)


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_our_folders_load_there(name: str, tmp_path: Path) -> None:
    decoder = tiny(name)
    for parameter in decoder.parameters():
        parameter.mul_(0.5)  # logits of order one, where 1e-5 is a tight bound
    save(decoder, tmp_path)
    loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, output_loading_info=True
    )
    model, report = loaded
    assert not any(report.values())
    agree(decoder, model)


@pytest.mark.parametrize("name", ["gpt2", "qwen2-tied", "olmo"])
def test_gradients_agree(name: str, tmp_path: Path) -> None:
    decoder, ids = tiny(name), tokens(3, 9)
    save(decoder, tmp_path / "ours")
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    model.eval()
    decoder.logits(decoder(ids)).log_softmax(-1)[..., 3].mean().backward()
    model(ids).logits.log_softmax(-1)[..., 3].mean().backward()
    # Gradients take the same way between the layouts as weights do: both models step once.
    with torch.no_grad():
        for parameter in [*decoder.parameters(), *model.parameters()]:
            assert parameter.grad is not None
            parameter.sub_(parameter.grad)
    model.save_pretrained(tmp_path / "theirs")
    for left, right in zip(
        decoder.parameters(), load(tmp_path / "theirs").parameters(), strict=True
    ):
        close(left, right)


def test_tokenizers_read_our_alphabet(tmp_path: Path) -> None:
    alphabet = Alphabet(("<pad>", "1", "+", "α", "mod", "<eos>"), eos="<eos>", pad="<pad>")
    save(tiny("mistral"), tmp_path, alphabet)
    for kind in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast):
        tokenizer = kind.from_pretrained(tmp_path)
        assert tokenizer("1 + α mod 1 <eos>")["input_ids"] == [1, 2, 3, 4, 1, 5]
        assert tokenizer.decode([1, 2, 3, 4, 5]) == "1 + α mod <eos>"
        assert tokenizer.decode([1, 5, 0], skip_special_tokens=True) == "1"
        assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (5, 0)
        assert len(tokenizer) == 6
