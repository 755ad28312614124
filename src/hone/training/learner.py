"""A decoder that learns from weighted responses: one pass of optimizer steps over a batch."""

import copy
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils import parametrize

from hone.core.alphabet import Vocabulary
from hone.core.contracts import Batch, Estimator, Responses
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models import checkpoint, lora
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm
from hone.objectives.divergence import entropy, estimate
from hone.objectives.losses import ClippedSurrogate, Tokens, token_shares
from hone.sampling.policy import DecoderPolicy
from hone.sampling.scoring import in_parts, response_distributions, taken
from hone.training.configs import Numerics, Optimizer
from hone.training.critic import Critic
from hone.training.lagging import Reference, Stale
from hone.training.micro_batches import micro_batches
from hone.training.optimizer import MasterAdamW, rate

_ADAPTER = "adapter"


class DecoderLearner:
    """Carries out an algorithm's objective and schedule on a decoder (the `Learner` contract)."""

    def __init__(
        self,
        decoder: Decoder,
        alphabet: Vocabulary,
        algorithm: Algorithm,
        optimizer: Optimizer,
        numerics: Numerics,
        total_steps: int,
    ) -> None:
        """`total_steps` is the length of the learning-rate schedule in optimizer steps."""
        decoder = decoder.to(numerics.device, getattr(torch, numerics.dtype))
        self.policy = DecoderPolicy(decoder, alphabet.end)
        self._decoder, self._alphabet = decoder, alphabet
        self._algorithm, self._config = algorithm, optimizer
        self._optimizer = MasterAdamW(decoder, optimizer)
        self._total, self._step = total_steps, 0
        restarts = algorithm.schedule.start == "initial"
        self._initial = copy.deepcopy(decoder.state_dict()) if restarts else None
        kl, staleness = algorithm.kl, algorithm.schedule.staleness
        self._reference = Reference(decoder, kl.refresh) if kl else None
        self._stale = Stale(decoder, staleness) if staleness else None
        self._tokens_at_once = numerics.tokens_at_once(decoder.config.width)
        critic = algorithm.critic
        self._critic = Critic(decoder, critic, optimizer, self._tokens_at_once) if critic else None
        if numerics.compile:
            decoder.compile(dynamic=True)

    @property
    def sampler(self) -> DecoderPolicy:
        """What rollouts are drawn from."""
        return DecoderPolicy(self._stale.decoder, self.policy.eos) if self._stale else self.policy

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        """One pass over the batch in minibatches drawn by `stream`; returns the mean metrics.

        Raises:
            Diverged: the loss or the gradient is not finite; the weights are those before it.
        """
        size = self._algorithm.schedule.minibatch or len(batch)
        order = stream.generator().permutation(len(batch)) if size < len(batch) else None
        rows = np.arange(len(batch)) if order is None else order
        parts = np.array_split(rows, math.ceil(len(batch) / size))
        metrics = [self._optimizer_step(batch.select(part), stream.child("dropout", place))
                   for place, part in enumerate(parts)]  # fmt: skip
        means = {name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]}
        return {**means, "logprob_gap": metrics[0]["logprob_gap"]}

    def restart(self) -> None:
        """Back to the weights post-training began with, optimizer state cleared."""
        if self._initial is None:
            raise RuntimeError("only an algorithm that starts from the initial weights restarts")
        self._decoder.load_state_dict(self._initial)
        self._optimizer = MasterAdamW(self._decoder, self._config)
        self._step = 0

    def end_round(self, round: int) -> None:
        """The reference and the stale sampler move on."""
        if self._reference:
            self._reference.end_round(round, self._decoder)
        if self._stale:
            self._stale.end_round(self._decoder)

    def divergence(
        self, estimator: Estimator, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """The estimator of KL(policy ‖ reference) at every token; 0 beyond a response's length."""
        assert self._reference is not None
        decoders = self._decoder, self._reference.decoder

        def estimated(rows: np.ndarray, part: Sequences) -> Tensor:
            (own, tokens), (other, _) = (
                response_distributions(
                    decoder, prompts, responses.prompt_rows[rows], part, temperature
                )
                for decoder in decoders
            )
            logprobs = taken(own, tokens)
            seen = Tokens(logprobs, logprobs, logprobs, logprobs, taken(other, tokens), own, other)
            return estimate(estimator, seen)

        return in_parts(responses.tokens, estimated)

    def reference_logprobs(
        self, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """Log-probabilities of response tokens under the reference of the KL."""
        assert self._reference is not None
        policy = DecoderPolicy(self._reference.decoder, self.policy.eos)
        return policy.score(prompts, responses, temperature)

    def values(self, prompts: Sequences, responses: Responses) -> Float[np.ndarray, "rows time"]:
        """What the critic expects before each response token."""
        assert self._critic is not None
        return self._critic.values(prompts, responses.prompt_rows, responses.tokens)

    def save(self, folder: Path) -> None:
        """Weights, tokenizer, optimizer, step count, and whatever else has a state.

        Adapters are saved beside the weights that they are merged into.
        """
        checkpoint.save(lora.merged(self._decoder), folder, self._alphabet)
        if lora.is_adapted(self._decoder):
            lora.save(self._decoder, folder / _ADAPTER)
        self._optimizer.save(folder / "optimizer.safetensors")
        (folder / "step.txt").write_text(str(self._step))
        if self._reference:
            self._reference.save(folder / "reference.safetensors")
        if self._stale:
            self._stale.save(folder / "stale")
        if self._critic:
            self._critic.save(folder / "critic")

    def load(self, folder: Path) -> None:
        """What `save` wrote."""
        if lora.is_adapted(self._decoder):
            lora.load(self._decoder, folder / _ADAPTER)
        else:
            self._decoder.load_state_dict(checkpoint.load(folder).state_dict())
        self._optimizer.load(folder / "optimizer.safetensors")
        self._step = int((folder / "step.txt").read_text())
        if self._reference:
            self._reference.load(folder / "reference.safetensors")
        if self._stale:
            self._stale.load(folder / "stale")
        if self._critic:
            self._critic.load(folder / "critic")

    def _optimizer_step(self, batch: Batch, dropout: Stream) -> dict[str, float]:
        with lora.dropping(self._decoder, dropout.key % 2**63):
            metrics = self.accumulate(batch)
        if not math.isfinite(metrics["loss"]):
            raise Diverged(f"optimizer step {self._step}: the loss is {metrics['loss']}")
        learning_rate = rate(self._config, self._step, self._total)
        norm = self._optimizer.step(learning_rate)
        if not math.isfinite(norm):  # the optimizer did not step
            raise Diverged(f"optimizer step {self._step}: the gradient norm is {norm}")
        if self._critic:
            metrics |= self._critic.step(batch, learning_rate)
        self._step += 1
        return {**metrics, "gradient_norm": norm}

    def accumulate(self, batch: Batch) -> dict[str, float]:
        """Add the batch's gradient to the weights', micro-batch by micro-batch.

        Rows without any gradient are not computed; they stay in the denominator.

        Returns:
            The loss; the largest gap between old and present log-probabilities; for a clipped
            loss the share of tokens that are clipped; for an entropy bonus the mean entropy.
        """
        shares = token_shares(
            batch.responses.lengths,
            batch.responses.mask,
            self._algorithm.loss.denominator,
            batch.max_tokens,
        )
        everything = self._algorithm.acts_without_reward
        live = np.arange(len(batch)) if everything else np.flatnonzero(batch.weights.any(axis=1))
        parts = micro_batches(batch, live, self._tokens_at_once)
        found = [self._micro_batch(batch.select(rows), shares[rows]) for rows in parts]
        tokens = max(int(batch.responses.lengths.sum()), 1)
        metrics = {
            "loss": sum((each["loss"] for each in found), 0.0),
            "logprob_gap": max((each["gap"] for each in found), default=0.0),
        }
        if isinstance(self._algorithm.loss, ClippedSurrogate):
            metrics["clipped"] = sum(each["clipped"] for each in found) / tokens
        if self._algorithm.entropy:
            metrics["entropy"] = sum(each["entropy"] for each in found) / tokens
        return metrics

    @parametrize.cached()  # adapters are added to their weights once a forward pass
    def _micro_batch(self, batch: Batch, shares: np.ndarray) -> dict[str, float]:
        tokens = self._tokens(batch)
        share = torch.from_numpy(shares[:, : tokens.mask.shape[1]]).to(tokens.mask)
        loss = (self._algorithm.terms(tokens) * share).sum()
        loss.backward()
        logprobs = tokens.logprobs.detach()
        measured = {
            "loss": float(loss.detach()),
            "gap": float(((logprobs - tokens.old_logprobs).abs() * tokens.mask).max()),
        }
        if isinstance(self._algorithm.loss, ClippedSurrogate):
            clipped = self._algorithm.loss.clipped(tokens)
            measured["clipped"] = float((clipped * tokens.mask).sum())
        if self._algorithm.entropy:
            assert tokens.distribution is not None
            measured["entropy"] = float((entropy(tokens.distribution.detach()) * tokens.mask).sum())
        return measured

    def _tokens(self, batch: Batch) -> Tokens:
        """What the objective sees of a micro-batch."""
        responses, rows = batch.responses.trim(), batch.prompt_rows
        temperature = 1.0 if self._algorithm.loss.fits_data else batch.temperature
        width = responses.tokens.shape[1]
        distribution, targets = response_distributions(
            self._decoder, batch.prompts, rows, responses, temperature
        )
        logprobs = taken(distribution, targets)

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values[:, :width]).to(logprobs)

        reference = None
        if self._algorithm.penalises_exactly:
            assert self._reference is not None
            with torch.no_grad():
                reference, _ = response_distributions(
                    self._reference.decoder, batch.prompts, rows, responses, temperature
                )
        return Tokens(
            logprobs,
            tensor(batch.old_logprobs),
            tensor(batch.weights),
            tensor(responses.mask),
            None if batch.reference_logprobs is None else tensor(batch.reference_logprobs),
            distribution if self._algorithm.needs_distribution else None,
            reference,
        )
