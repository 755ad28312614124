"""A decoder with a scalar head: critics and reward models."""

import copy
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from hone.models import checkpoint
from hone.models.decoder import Decoder

_HEAD = "value_head.safetensors"


class ValueModel(nn.Module):
    """One number for each hidden state of a decoder. A fresh head says zero."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.weight = nn.Parameter(decoder.embedding.new_zeros(decoder.config.width))
        self.bias = nn.Parameter(decoder.embedding.new_zeros(()))

    @classmethod
    def like(cls, decoder: Decoder) -> "ValueModel":
        """One that starts from a copy of the decoder's weights."""
        return cls(copy.deepcopy(decoder))

    def forward(self, hidden: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch"]:
        """Values of hidden states that `self.decoder` made."""
        return hidden @ self.weight + self.bias

    def save(self, folder: Path) -> None:
        """A checkpoint folder of the decoder, and the head beside it."""
        checkpoint.save(self.decoder, folder)
        head = {"weight": self.weight.detach().cpu(), "bias": self.bias.detach().cpu()}
        save_file(head, folder / _HEAD)

    @classmethod
    def load(cls, folder: Path) -> "ValueModel":
        """What `save` wrote.

        Raises:
            DamagedFile: a file is missing or cannot be trusted.
        """
        model = cls(checkpoint.load(folder))
        head = checkpoint.read_file(folder / _HEAD)
        with torch.no_grad():
            model.weight.copy_(head["weight"])
            model.bias.copy_(head["bias"])
        return model
