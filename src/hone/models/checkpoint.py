"""Decoders in Hugging Face's folder layout: config.json and safetensors, and nothing executable.

On disk, weights have the names and shapes that transformers gives them; in memory, matrices that
read the same input are one.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hone.core.alphabet import Vocabulary
from hone.core.errors import DamagedFile, UsageError
from hone.models.config import DecoderConfig, Family
from hone.models.decoder import Decoder
from hone.models.hf_config import from_hf, to_hf
from hone.models.tokenizer import write_tokenizer

_CONFIG, _WEIGHTS, _INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"

# Our module names and those of the modules that hold their rows, in order.
_LLAMA_LIKE: dict[str, tuple[str, ...]] = {
    "embedding": ("model.embed_tokens",),
    "norm": ("model.norm",),
    "head": ("lm_head",),
    "attention_norm": ("model.layers.{}.input_layernorm",),
    "qkv": tuple(f"model.layers.{{}}.self_attn.{part}_proj" for part in "qkv"),
    "out": ("model.layers.{}.self_attn.o_proj",),
    "mlp_norm": ("model.layers.{}.post_attention_layernorm",),
    "up": ("model.layers.{}.mlp.gate_proj", "model.layers.{}.mlp.up_proj"),
    "down": ("model.layers.{}.mlp.down_proj",),
}
_GPT2: dict[str, tuple[str, ...]] = {
    "embedding": ("transformer.wte",),
    "position": ("transformer.wpe",),
    "norm": ("transformer.ln_f",),
    "head": ("lm_head",),
    "attention_norm": ("transformer.h.{}.ln_1",),
    "qkv": ("transformer.h.{}.attn.c_attn",),
    "out": ("transformer.h.{}.attn.c_proj",),
    "mlp_norm": ("transformer.h.{}.ln_2",),
    "up": ("transformer.h.{}.mlp.c_fc",),
    "down": ("transformer.h.{}.mlp.c_proj",),
}
# Constants that older versions of transformers stored beside the weights.
_CONSTANTS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")


def save(decoder: Decoder, folder: Path, tokenizer: Vocabulary | None = None) -> None:
    """Writes a folder that `load` and transformers' `from_pretrained` read; same model, same bytes.

    Args:
        folder: made if it is not there.
        tokenizer: written beside the weights, its end and padding into config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, parameter in decoder.named_parameters():
        tensors |= _to_stored(decoder.config, name, parameter.detach().cpu())
    save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
    ends = () if tokenizer is None else (tokenizer.end, tokenizer.padding)
    dtype = str(decoder.embedding.dtype).removeprefix("torch.")
    values = to_hf(decoder.config, dtype, *ends)
    (folder / _CONFIG).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    if tokenizer is not None:
        write_tokenizer(tokenizer, folder)


def load(folder: Path) -> Decoder:
    """The decoder in a folder, in the dtype of its file.

    Raises:
        DamagedFile: a file is missing, cut short or lacks a tensor; names it.
        UsageError: the model computes something this decoder does not; names the key.
    """
    config = from_hf(_read_json(folder / _CONFIG), folder / _CONFIG)
    path = folder / _INDEX if (folder / _INDEX).exists() else folder / _WEIGHTS
    stored = _without_constants(config, _read_tensors(path))
    decoder = Decoder(config)
    state = {
        name: _from_stored(config, name, parameter.shape, stored, path)
        for name, parameter in decoder.named_parameters()
    }
    if stored:
        raise DamagedFile(f"{path} has tensors a {config.family} has no place for: {min(stored)}")
    dtypes = {tensor.dtype for tensor in state.values()}
    if len(dtypes) > 1:
        raise UsageError(f"{path} mixes {sorted(map(str, dtypes))}; save all weights in one dtype")
    decoder.load_state_dict(state, assign=True)
    return decoder.to(dtypes.pop())


def _to_stored(config: DecoderConfig, name: str, tensor: Tensor) -> dict[str, Tensor]:
    """What one of our parameters is on disk: its rows under each of their names."""
    names = stored_names(config.family, name)
    pieces = tensor.split(row_counts(config, name, tensor.shape), dim=0)
    turned = [piece.t() if _is_turned(config, name) else piece for piece in pieces]
    return {
        stored: piece.clone(memory_format=torch.contiguous_format)
        for stored, piece in zip(names, turned, strict=True)
    }


def _from_stored(
    config: DecoderConfig, name: str, shape: torch.Size, stored: dict[str, Tensor], path: Path
) -> Tensor:
    """Takes the parts of one of our parameters out of `stored`, checks and joins them."""
    pieces: list[Tensor] = []
    counts = row_counts(config, name, shape)
    for key, rows in zip(stored_names(config.family, name), counts, strict=True):
        if key not in stored:
            raise DamagedFile(f"{path} lacks the tensor {key}; save or download the model again")
        piece = stored.pop(key)
        piece = piece.t() if _is_turned(config, name) else piece
        if piece.shape != (rows, *shape[1:]) or not piece.is_floating_point():
            raise DamagedFile(
                f"{path}: {key} is {_described(piece)}, but config.json asks for floating-point "
                f"{(rows, *shape[1:])}; save or download the model again"
            )
        pieces.append(piece)
    return torch.cat(pieces) if len(pieces) > 1 else pieces[0].contiguous()


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def stored_names(family: Family, name: str) -> tuple[str, ...]:
    """`blocks.3.qkv.weight` → `model.layers.3.self_attn.q_proj.weight` and its sisters."""
    _, layer, name = name.split(".", 2) if name.startswith("blocks.") else ("", "", name)
    module, _, kind = name.partition(".")
    modules = (_GPT2 if family == "gpt2" else _LLAMA_LIKE)[module]
    return tuple(f"{stored.format(layer)}.{kind or 'weight'}" for stored in modules)


def row_counts(config: DecoderConfig, name: str, shape: torch.Size) -> list[int]:
    """How many rows of a parameter each of its stored names holds."""
    names = stored_names(config.family, name)
    if len(names) == 3:
        queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
        return [queries, keys, keys]
    return [shape[0] // len(names)] * len(names)


def _is_turned(config: DecoderConfig, name: str) -> bool:
    """GPT-2 stores the matrices of its layers transposed."""
    return config.family == "gpt2" and name.endswith(
        ("qkv.weight", "out.weight", "up.weight", "down.weight")
    )


def _without_constants(config: DecoderConfig, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Only the weights, under full names: GPT-2's first checkpoints leave out `transformer.`."""
    short = config.family == "gpt2" and "wte.weight" in stored
    return {
        f"transformer.{name}" if short else name: tensor
        for name, tensor in stored.items()
        if not name.endswith(_CONSTANTS) and not (config.tie and name == "lm_head.weight")
    }


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a weights file, or of the files that an index names."""
    if path.name != _INDEX:
        return read_file(path)
    tensors: dict[str, Tensor] = {}
    try:
        names = set(_read_json(path)["weight_map"].values())
    except (KeyError, AttributeError, TypeError):
        raise DamagedFile(f"{path} has no weight_map; download the model again") from None
    for name in sorted(names):
        if Path(name).name != name:
            raise DamagedFile(f"{path} names {name!r}; allowed: files of the same folder")
        tensors |= read_file(path.parent / name)
    return tensors


def read_file(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        DamagedFile: it is missing or cannot be read.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedFile(
            f"{path} cannot be read as safetensors: {error}; save or download the model again"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedFile(
            f"{path} cannot be read: {error}; save or download the model again"
        ) from error
    if not isinstance(values, dict):
        raise DamagedFile(f"{path} holds no JSON object; save or download the model again")
    return values
