"""A decoder that learns from weighted responses: one pass of optimizer steps over a batch."""

import copy
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hone.core.alphabet import Alphabet
from hone.core.contracts import Batch
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.models import checkpoint
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm
from hone.objectives.losses import token_shares
from hone.sampling.policy import DecoderPolicy
from hone.sampling.scoring import response_logprobs
from hone.training.configs import Numerics, Optimizer
from hone.training.optimizer import MasterAdamW, rate


class DecoderLearner:
    """Carries out an algorithm's loss and schedule on a decoder (the `Learner` contract)."""

    def __init__(
        self,
        decoder: Decoder,
        alphabet: Alphabet,
        algorithm: Algorithm,
        optimizer: Optimizer,
        numerics: Numerics,
        total_steps: int,
    ) -> None:
        """`total_steps` is the length of the learning-rate schedule in optimizer steps."""
        decoder = decoder.to(numerics.device, getattr(torch, numerics.dtype))
        self.policy = DecoderPolicy(decoder, alphabet.id(alphabet.eos))
        self._decoder, self._alphabet = decoder, alphabet
        if numerics.compile:
            decoder.compile(dynamic=True)
        self._algorithm, self._config, self._numerics = algorithm, optimizer, numerics
        self._optimizer = MasterAdamW(decoder, optimizer)
        self._total, self._step = total_steps, 0
        restarts = algorithm.schedule.start == "initial"
        self._initial = copy.deepcopy(decoder.state_dict()) if restarts else None

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        """One pass over the batch in minibatches drawn by `stream`; returns the mean metrics.

        Raises:
            Diverged: the loss or the gradient is not finite; the weights are those before it.
        """
        size = self._algorithm.schedule.minibatch or len(batch)
        order = stream.generator().permutation(len(batch)) if size < len(batch) else None
        rows = np.arange(len(batch)) if order is None else order
        parts = np.array_split(rows, math.ceil(len(batch) / size))
        metrics = [self._optimizer_step(batch.select(part)) for part in parts]
        means = {name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]}
        return {**means, "logprob_gap": metrics[0]["logprob_gap"]}

    def restart(self) -> None:
        """Back to the weights post-training began with, optimizer state cleared."""
        if self._initial is None:
            raise RuntimeError("only an algorithm that starts from the initial weights restarts")
        self._decoder.load_state_dict(self._initial)
        self._optimizer = MasterAdamW(self._decoder, self._config)
        self._step = 0

    def save(self, folder: Path) -> None:
        """Weights, tokenizer, optimizer and step count: with its streams, all that a run needs."""
        checkpoint.save(self._decoder, folder, self._alphabet)
        self._optimizer.save(folder / "optimizer.safetensors")
        (folder / "step.txt").write_text(str(self._step))

    def load(self, folder: Path) -> None:
        """What `save` wrote."""
        self._decoder.load_state_dict(checkpoint.load(folder).state_dict())
        self._optimizer.load(folder / "optimizer.safetensors")
        self._step = int((folder / "step.txt").read_text())

    def _optimizer_step(self, batch: Batch) -> dict[str, float]:
        loss, gap = self.accumulate(batch)
        if not math.isfinite(loss):
            raise Diverged(f"optimizer step {self._step}: the loss is {loss}")
        norm = self._optimizer.step(rate(self._config, self._step, self._total))
        if not math.isfinite(norm):  # the optimizer did not step
            raise Diverged(f"optimizer step {self._step}: the gradient norm is {norm}")
        self._step += 1
        return {"loss": loss, "gradient_norm": norm, "logprob_gap": gap}

    def accumulate(self, batch: Batch) -> tuple[float, float]:
        """Add the batch's gradient to the weights', micro-batch by micro-batch.

        Rows of weight zero have no gradient and are not computed; they stay in the denominator.

        Returns:
            The loss, and the largest gap between the old log-probabilities and these.
        """
        shares = token_shares(
            batch.responses.lengths, batch.responses.mask, self._algorithm.loss.denominator
        )
        live = np.flatnonzero(batch.weights)
        # Rows of like length side by side pad little; rows of one prompt side by side share it.
        order = live[np.lexsort((batch.prompt_rows[live], batch.responses.lengths[live]))]
        parts = math.ceil(len(order) / self._numerics.micro_batch)
        results = [
            self._micro_batch(batch.select(rows), shares[rows])
            for rows in (np.array_split(order, parts) if parts else [])
        ]
        return sum(loss for loss, _ in results), max((gap for _, gap in results), default=0.0)

    def _micro_batch(self, batch: Batch, shares: np.ndarray) -> tuple[float, float]:
        responses = batch.responses.trim()
        width = responses.tokens.shape[1]
        temperature = 1.0 if self._algorithm.loss.fits_data else batch.temperature
        logprobs = response_logprobs(
            self._decoder, batch.prompts, batch.prompt_rows, responses, temperature
        )
        old = torch.from_numpy(batch.old_logprobs[:, :width]).to(logprobs)
        share = torch.from_numpy(shares[:, :width]).to(logprobs)
        weights = torch.from_numpy(batch.weights).to(logprobs)[:, None]
        loss = (self._algorithm.loss.terms(logprobs, old, weights) * share).sum()
        loss.backward()
        return float(loss.detach()), _largest_gap(logprobs.detach(), old, share)


def _largest_gap(logprobs: Tensor, old: Tensor, share: Tensor) -> float:
    return float(((logprobs - old).abs() * (share > 0)).max())
