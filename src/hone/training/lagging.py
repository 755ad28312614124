"""What lags behind a policy in training: the reference of its KL, and a stale sampler."""

import copy
from collections import deque
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from hone.models import checkpoint
from hone.models.decoder import Decoder

Weights = dict[str, Tensor]


class Reference:
    """A frozen copy of a decoder; it follows the policy every `refresh` rounds, or never."""

    def __init__(self, decoder: Decoder, refresh: int | None) -> None:
        self.decoder = copy.deepcopy(decoder).requires_grad_(False)
        self._refresh = refresh

    def end_round(self, round: int, decoder: Decoder) -> None:
        if self._refresh and round % self._refresh == 0:
            self.decoder.load_state_dict(decoder.state_dict())

    def save(self, file: Path) -> None:
        """Only a reference that moves has anything to save."""
        if self._refresh:
            save_file(_copied(self.decoder), file)

    def load(self, file: Path) -> None:
        if self._refresh:
            self.decoder.load_state_dict(checkpoint.read_file(file))


class Stale:
    """A decoder that stays a number of rounds behind the policy (at first, at its beginning)."""

    def __init__(self, decoder: Decoder, rounds: int) -> None:
        self.decoder = copy.deepcopy(decoder).requires_grad_(False)
        self._rounds = rounds
        self._ahead: deque[Weights] = deque()  # of later rounds, oldest first

    def end_round(self, decoder: Decoder) -> None:
        self._ahead.append(_copied(decoder))
        if len(self._ahead) > self._rounds:
            self.decoder.load_state_dict(self._ahead.popleft())

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for place, weights in enumerate([_copied(self.decoder), *self._ahead]):
            save_file(weights, folder / f"{place:04d}.safetensors")

    def load(self, folder: Path) -> None:
        first, *rest = (checkpoint.read_file(file) for file in sorted(folder.iterdir()))
        self.decoder.load_state_dict(first)
        self._ahead = deque(rest)


@torch.no_grad()
def _copied(decoder: Decoder) -> Weights:
    return {name: weight.detach().cpu().clone() for name, weight in decoder.named_parameters()}
