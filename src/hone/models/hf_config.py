"""Hugging Face's config.json, read into and written from `DecoderConfig`; free of torch."""

from pathlib import Path
from typing import Any

from hone.core.errors import DamagedFile, UsageError, require, unknown
from hone.models.config import DecoderConfig, Family

_ARCHITECTURES: dict[str, str] = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "mistral": "MistralForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "olmo": "OlmoForCausalLM",
}

# Keys that change what a model computes, with the values under which it is what we compute.
_IMPLEMENTED: dict[str, tuple[Any, ...]] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "add_cross_attention": (False,),
    "auto_map": (None,),
    "clip_qkv": (None,),
    "hidden_act": ("silu",),
    "partial_rotary_factor": (None, 1.0),
    "quantization_config": (None,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "scale_attn_weights": (True,),
}


def from_hf(values: dict[str, Any], path: Path) -> DecoderConfig:
    """The decoder that a config.json describes.

    Args:
        values: the file's content.
        path: the file, for messages.

    Raises:
        DamagedFile: a needed key is missing.
        UsageError: the model computes something this decoder does not; names the key.
    """
    family = values.get("model_type")
    if family not in _ARCHITECTURES:
        raise unknown(f"model_type in {path}", str(family), _ARCHITECTURES)
    for key in _IMPLEMENTED.keys() & values.keys():
        allowed = _IMPLEMENTED[key]
        require(values[key] in allowed, f"{key} in {path}", values[key], _listed(allowed))
    try:
        return _gpt2(values) if family == "gpt2" else _llama_like(family, values, path)
    except KeyError as missing:
        raise DamagedFile(f"{path} lacks the key {missing}; save the model again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path} holds a value of the wrong kind: {error}") from error


def _gpt2(values: dict[str, Any]) -> DecoderConfig:
    width, heads = values["n_embd"], values["n_head"]
    return DecoderConfig(
        family="gpt2", vocab=values["vocab_size"], width=width, layers=values["n_layer"],
        heads=heads, kv_heads=heads, head_dim=width // heads,
        mlp_width=values.get("n_inner") or 4 * width, context=values["n_positions"],
        norm="layer", positions="learned", mlp="gelu", qkv_bias=True, bias=True,
        tie=values.get("tie_word_embeddings", True), rope_theta=10_000.0,
        norm_eps=values["layer_norm_epsilon"],
    )  # fmt: skip


def _llama_like(family: Family, values: dict[str, Any], path: Path) -> DecoderConfig:
    _refuse_sliding_window(family, values, path)
    attention_bias = values.get("attention_bias", False)
    if attention_bias != values.get("mlp_bias", False) or (attention_bias and family != "llama"):
        raise UsageError(
            f"attention_bias in {path} = {attention_bias} is not possible; allowed: false, "
            "or for llama true together with mlp_bias"
        )
    width, heads = values["hidden_size"], values["num_attention_heads"]
    return DecoderConfig(
        family=family, vocab=values["vocab_size"], width=width, layers=values["num_hidden_layers"],
        heads=heads, kv_heads=values.get("num_key_value_heads") or heads,
        head_dim=values.get("head_dim") or width // heads, mlp_width=values["intermediate_size"],
        context=values["max_position_embeddings"],
        norm="plain" if family == "olmo" else "rms", positions="rotary", mlp="swiglu",
        qkv_bias=attention_bias or family == "qwen2", bias=attention_bias,
        tie=values.get("tie_word_embeddings", False), rope_theta=_rope_theta(values, path),
        norm_eps=1e-5 if family == "olmo" else values["rms_norm_eps"],
    )  # fmt: skip


def _refuse_sliding_window(family: Family, values: dict[str, Any], path: Path) -> None:
    """A window at least as long as the context hides nothing."""
    window, context = values.get("sliding_window"), values["max_position_embeddings"]
    inactive = family == "qwen2" and not values.get("use_sliding_window", False)
    require(inactive or window is None or window >= context, f"sliding_window in {path}", window,
            f"null, or max_position_embeddings = {context} and more")  # fmt: skip


def _rope_theta(values: dict[str, Any], path: Path) -> float:
    """Base of the rotary angles, from the keys of transformers 5 or of earlier versions."""
    rope = values.get("rope_parameters") or {}
    scaling = values.get("rope_scaling") or rope
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    key = "rope_scaling" if values.get("rope_scaling") else "rope_parameters"
    require(kind == "default", f"{key} in {path}", kind, "null or rope_type 'default'")
    return float(rope.get("rope_theta", values.get("rope_theta", 10_000.0)))


def _listed(allowed: tuple[Any, ...]) -> str:
    return " or ".join(map(repr, allowed))


def to_hf(
    config: DecoderConfig, dtype: str, eos: int | None = None, pad: int | None = None
) -> dict[str, Any]:
    """The config.json of a decoder, as transformers writes it.

    Args:
        dtype: of the weights, in torch's name without its prefix.
        eos, pad: token ids, where there is a tokenizer to know them.
    """
    common = {
        "architectures": [_ARCHITECTURES[config.family]],
        "model_type": config.family,
        "dtype": dtype,
        "vocab_size": config.vocab,
        "tie_word_embeddings": config.tie,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": eos,
        "pad_token_id": pad,
    }
    own = _to_gpt2(config) if config.family == "gpt2" else _to_llama_like(config)
    return common | own


def _to_gpt2(config: DecoderConfig) -> dict[str, Any]:
    return {
        "activation_function": "gelu_new",
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "layer_norm_epsilon": config.norm_eps,
        "n_embd": config.width,
        "n_head": config.heads,
        "n_inner": config.mlp_width,
        "n_layer": config.layers,
        "n_positions": config.context,
    }


def _to_llama_like(config: DecoderConfig) -> dict[str, Any]:
    values = {
        "attention_dropout": 0.0,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.context,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.kv_heads,
        # Both spellings: transformers 5 reads the first, earlier versions the second.
        "rope_parameters": {"rope_theta": config.rope_theta, "rope_type": "default"},
        "rope_theta": config.rope_theta,
    }
    if config.norm == "rms":
        values["rms_norm_eps"] = config.norm_eps
    if config.family == "llama":
        values |= {"attention_bias": config.bias, "mlp_bias": config.bias}
    if config.family == "mistral":
        values["sliding_window"] = None
    return values
