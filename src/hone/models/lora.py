"""Low-rank adapters (Hu et al., 2021, arXiv 2106.09685) on every projection of a decoder.

A projection's weight becomes W + α/r · B A with W frozen, as a parametrization of PyTorch's:
whatever reads the weight, training or decoding, reads the sum. Dropout, which no weight can have,
is added where a projection is called. On disk adapters are as peft has them, beside the merged
weights.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from hone.core.errors import DamagedFile
from hone.models.checkpoint import read_file, row_counts, stored_names
from hone.models.config import LoRA
from hone.models.decoder import Decoder, Linear

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PARAMETRIZED = ".parametrizations."  # in the names of a weight and of its adapter


class Adapter(nn.Module):
    """The change of one weight: a pair B, A for each of the matrices that are joined in it.

    A starts uniform in ±1/√(inputs) and B at zero, so that nothing is changed at first.
    """

    def __init__(
        self, weight: Tensor, rows: list[int], lora: LoRA, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.rank, self.alpha, self.dropout = lora.rank, lora.alpha, lora.dropout
        bound = 1 / math.sqrt(weight.shape[1])
        empty = (torch.empty(lora.rank, weight.shape[1]) for _ in rows)
        self.a = nn.ParameterList(
            a.uniform_(-bound, bound, generator=generator).to(weight) for a in empty
        )
        self.b = nn.ParameterList(weight.new_zeros(count, lora.rank) for count in rows)

    def forward(self, weight: Float[Tensor, "out into"]) -> Float[Tensor, "out into"]:
        change = torch.cat([b @ a for a, b in zip(self.a, self.b, strict=True)])
        return weight + self.alpha / self.rank * change

    def dropped(
        self, input: Float[Tensor, "tokens into"], generator: torch.Generator
    ) -> Float[Tensor, "tokens out"]:
        """What dropout of the adapters' input adds to the output: α/r · B A (dropped - input)."""
        keep, parts = 1 - self.dropout, []
        for a, b in zip(self.a, self.b, strict=True):  # each drops for itself, as in peft
            kept = torch.empty_like(input).bernoulli_(keep, generator=generator)
            parts.append((input * (kept / keep - 1)) @ a.T @ b.T)
        return self.alpha / self.rank * torch.cat(parts, dim=-1)


def adapt(decoder: Decoder, lora: LoRA, generator: torch.Generator) -> None:
    """Freeze the decoder and give each of its projections an adapter."""
    decoder.requires_grad_(False)
    for name, layer in list(_projections(decoder)):
        rows = row_counts(decoder.config, f"{name}.weight", layer.weight.shape)
        adapter = Adapter(layer.weight, rows, lora, generator)
        parametrize.register_parametrization(layer, "weight", adapter)


@contextmanager
def dropping(decoder: Decoder, seed: int) -> Iterator[None]:
    """Let adapters drop as much of what they read as they say, at random by the seed."""
    generator = torch.Generator(decoder.embedding.device).manual_seed(seed)
    hooks = [
        decoder.get_submodule(name).register_forward_hook(partial(_drop, adapter, generator))
        for name, adapter in _adapters(decoder)
        if adapter.dropout
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _drop(
    adapter: Adapter,
    generator: torch.Generator,
    _layer: nn.Module,
    args: tuple[Tensor, *tuple[int, ...]],
    output: Tensor,
) -> Tensor:
    """The output of a projection of `args`, as `Linear.forward` has them, with dropout."""
    first = args[1] if len(args) > 1 else 0
    return output + adapter.dropped(args[0], generator)[:, first:]


def is_adapted(decoder: Decoder) -> bool:
    """Whether it has adapters."""
    return any(True for _ in _adapters(decoder))


def merged(decoder: Decoder) -> Decoder:
    """A decoder without adapters that computes the same; the decoder itself if it has none."""
    if not is_adapted(decoder):
        return decoder
    weights = {
        name: weight for name, weight in decoder.named_parameters() if _PARAMETRIZED not in name
    }
    weights |= {f"{name}.weight": layer.weight.detach() for name, layer in _projections(decoder)}
    whole = Decoder(decoder.config).to(decoder.embedding)
    whole.load_state_dict(weights)
    return whole


def save(decoder: Decoder, folder: Path) -> None:
    """Write the adapters as peft reads them (`PeftModel.from_pretrained`)."""
    tensors, adapters = _tensors(decoder), dict(_adapters(decoder))
    first = next(iter(adapters.values()))
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": first.rank,
        "lora_alpha": first.alpha,
        "lora_dropout": first.dropout,
        "bias": "none",
        "fan_in_fan_out": decoder.config.family == "gpt2",
        "inference_mode": True,
        "target_modules": sorted({name.split(".")[-3] for name in tensors}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()},
              folder / _WEIGHTS)  # fmt: skip
    (folder / _CONFIG).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


@torch.no_grad()
def load(decoder: Decoder, folder: Path) -> None:
    """What `save` wrote, into a decoder that has adapters of the same shape.

    Raises:
        DamagedFile: the file is missing, or of adapters of another shape.
    """
    stored, own = read_file(folder / _WEIGHTS), _tensors(decoder)
    shapes = [{name: t.shape for name, t in tensors.items()} for tensors in (stored, own)]
    if shapes[0] != shapes[1]:
        raise DamagedFile(f"{folder / _WEIGHTS} holds adapters of another model or rank")
    for name, tensor in own.items():
        tensor.copy_(stored[name])


def _projections(decoder: Decoder) -> Iterator[tuple[str, Linear]]:
    for name, module in decoder.named_modules():
        if isinstance(module, Linear):
            yield name, module


def _adapters(decoder: Decoder) -> Iterator[tuple[str, Adapter]]:
    """The adapter of each projection that has one, by the projection's name."""
    for name, layer in _projections(decoder):
        if parametrize.is_parametrized(layer):
            chain = cast("nn.ModuleDict", layer.parametrizations)["weight"]
            yield name, cast("Adapter", cast("nn.ModuleList", chain)[0])


def _tensors(decoder: Decoder) -> dict[str, Tensor]:
    """All A and B by peft's names."""
    found: dict[str, Tensor] = {}
    for name, adapter in _adapters(decoder):
        names = stored_names(decoder.config.family, f"{name}.weight")
        for stored, a, b in zip(names, adapter.a, adapter.b, strict=True):
            module = f"base_model.model.{stored.removesuffix('.weight')}"
            found |= {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}
    return found
