"""Small decoders of every family, for tests."""

from dataclasses import replace

import torch

from hone.models.config import DecoderConfig, gpt2_style, mistral_style
from hone.models.decoder import Decoder

_GROUPED = mistral_style(vocab=19, width=32, layers=3, context=24, head_dim=8, kv_heads=2)
CONFIGS: dict[str, DecoderConfig] = {
    "gpt2": gpt2_style(vocab=19, width=32, layers=3, heads=4, context=24),
    "gpt2-untied": replace(gpt2_style(19, 32, 2, 4, 24), tie=False),
    "mistral": _GROUPED,
    "mistral-wide-heads": replace(_GROUPED, head_dim=12, rope_theta=500.0),
    "llama": replace(_GROUPED, family="llama"),
    "llama-biased": replace(_GROUPED, family="llama", qkv_bias=True, bias=True),
    "qwen2": replace(_GROUPED, family="qwen2", qkv_bias=True),
    "qwen2-tied": replace(_GROUPED, family="qwen2", qkv_bias=True, tie=True, norm_eps=1e-6),
    "olmo": replace(_GROUPED, family="olmo", norm="plain"),
}


def tiny(name: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> Decoder:
    """A decoder whose every weight matters: large, and no norm at one or bias at zero."""
    decoder = Decoder(CONFIGS[name])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
            if parameter.dim() == 1:
                parameter.add_(1.0)
    return decoder.to(dtype)


def tokens(rows: int, time: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, 19, (rows, time), generator=torch.Generator().manual_seed(seed))


def padded(full: torch.Tensor, lengths: list[int], side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The first `lengths` tokens of every row, padded with other valid tokens, and the mask."""
    rows, time = full.shape
    shift = torch.tensor(lengths)[:, None]
    column = torch.arange(time)[None]
    index = column - (time - shift) if side == "left" else column.expand(rows, -1)
    mask = (index >= 0) & (index < shift)
    filler = tokens(rows, time, seed=99)
    return torch.where(mask, full.gather(1, index.clamp(0, time - 1)), filler), mask
