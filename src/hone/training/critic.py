"""A learned critic: what return a policy may expect before each token of a response."""

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hone.core.contracts import Batch
from hone.core.errors import Diverged
from hone.core.sequences import Sequences
from hone.models.decoder import Decoder
from hone.models.value import ValueModel
from hone.objectives.algorithms import Critic as CriticConfig
from hone.sampling.scoring import in_parts, response_hidden
from hone.training.configs import Optimizer
from hone.training.micro_batches import micro_batches
from hone.training.optimizer import MasterAdamW


class Critic:
    """A value model and its optimizer; it regresses on the returns that credit assigned."""

    def __init__(
        self, decoder: Decoder, config: CriticConfig, optimizer: Optimizer, tokens_at_once: int
    ) -> None:
        """`decoder` is copied; the critic starts from its weights and a head that says zero."""
        self.model = ValueModel.like(decoder)
        self._config, self._tokens_at_once = config, tokens_at_once
        self._optimizer = MasterAdamW(self.model, optimizer)

    def values(
        self, prompts: Sequences, prompt_rows: np.ndarray, responses: Sequences
    ) -> Float[np.ndarray, "rows time"]:
        """Expected return before each response token; 0 beyond a response's length."""
        return in_parts(
            responses, lambda rows, part: self._forward(prompts, prompt_rows[rows], part)
        )

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """One optimizer step on the mean squared error of all tokens, at a learning rate.

        Raises:
            Diverged: the error or its gradient is not finite; the weights are those before it.
        """
        error = self.accumulate(batch)
        norm = self._optimizer.step(rate * self._config.lr) if math.isfinite(error) else math.nan
        if not math.isfinite(norm):
            raise Diverged(f"the critic's error is {error}, its gradient norm {norm}")
        return {"value_error": error}

    def accumulate(self, batch: Batch) -> float:
        """Add the gradient of the batch's error, micro-batch by micro-batch; returns the error."""
        tokens = max(int(batch.responses.lengths.sum()), 1)
        every_row = np.arange(len(batch))
        parts = micro_batches(batch, every_row, self._tokens_at_once)
        return sum(self._part(batch.select(rows), tokens) for rows in parts)

    def _part(self, batch: Batch, tokens: int) -> float:
        responses = batch.responses.trim()
        width = responses.tokens.shape[1]
        values = self._forward(batch.prompts, batch.prompt_rows, responses).float()
        assert batch.values is not None
        assert batch.returns is not None
        old, returns, mask = (
            torch.from_numpy(each[:, :width]).to(values)
            for each in (batch.values, batch.returns, responses.mask)
        )
        error = (squared_error(values, old, returns, self._config.clip) * mask).sum() / tokens
        error.backward()
        return float(error.detach())

    def _forward(
        self, prompts: Sequences, prompt_rows: np.ndarray, responses: Sequences
    ) -> Float[Tensor, "rows time"]:
        hidden, _ = response_hidden(self.model.decoder, prompts, prompt_rows, responses)
        return self.model(hidden)

    def save(self, folder: Path) -> None:
        """Model and optimizer."""
        self.model.save(folder)
        self._optimizer.save(folder / "optimizer.safetensors")

    def load(self, folder: Path) -> None:
        """What `save` wrote."""
        self.model.load_state_dict(ValueModel.load(folder).state_dict())
        self._optimizer.load(folder / "optimizer.safetensors")


def squared_error(
    values: Tensor, old: Tensor, returns: Tensor, clip: float | None
) -> Float[Tensor, "rows time"]:
    """½(V - R)², or the larger of it and the same with V kept within `clip` of the old value."""
    error = (values - returns).square()
    if clip is not None:
        kept = old + (values - old).clamp(-clip, clip)
        error = error.maximum((kept - returns).square())
    return error / 2
