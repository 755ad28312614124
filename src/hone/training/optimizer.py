"""AdamW over float32 master weights, with clipping, a schedule and a state that can be saved."""

import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from hone.training.configs import Optimizer


def rate(config: Optimizer, step: int, total: int) -> float:
    """The learning rate of a 0-based step out of `total`."""
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    progress = min(1.0, step / max(total, 1))
    decay = {
        "constant": 1.0,
        "linear": 1.0 - progress,
        "cosine": 0.5 * (1 + math.cos(math.pi * progress)),
    }
    return config.lr * warm * decay[config.decay]


class MasterAdamW:
    """Steps float32 masters; a bfloat16 model is a rounded copy refreshed after every step."""

    def __init__(self, model: nn.Module, config: Optimizer) -> None:
        self._config = config
        self._weights = {
            name: weight for name, weight in model.named_parameters() if weight.requires_grad
        }
        self._mixed = next(iter(self._weights.values())).dtype != torch.float32
        self._masters = {
            name: weight.detach().float().requires_grad_() if self._mixed else weight
            for name, weight in self._weights.items()
        }
        self._adam = torch.optim.AdamW(
            self._masters.values(),
            lr=config.lr,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )

    def step(self, lr: float) -> float:
        """One step at learning rate `lr`; returns the gradient norm before clipping."""
        if self._mixed:
            self._lift_gradients()
        norm = float(torch.nn.utils.clip_grad_norm_(self._masters.values(), self._config.clip))
        if math.isfinite(norm):
            self._adam.param_groups[0]["lr"] = lr
            self._adam.step()
            if self._mixed:
                self._refresh()
        self._adam.zero_grad(set_to_none=True)
        return norm

    def save(self, file: Path) -> None:
        """Moments, step counts and, where they differ from the model's, the masters."""
        tensors: dict[str, torch.Tensor] = {}
        for name, master in self._masters.items():
            for key, value in self._adam.state[master].items():
                tensors[f"{key}.{name}"] = value
            if self._mixed:
                tensors[f"master.{name}"] = master.detach()
        save_file(tensors, file)

    def load(self, file: Path) -> None:
        """The state that `save` wrote."""
        tensors = load_file(file)
        for name, master in self._masters.items():
            self._adam.state[master] = {
                key: tensors[f"{key}.{name}"]
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{key}.{name}" in tensors
            }
            if self._mixed:
                master.data.copy_(tensors[f"master.{name}"])

    def _lift_gradients(self) -> None:
        for name, weight in self._weights.items():
            self._masters[name].grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None

    @torch.no_grad()
    def _refresh(self) -> None:
        for name, weight in self._weights.items():
            weight.copy_(self._masters[name])
