"""A learned reward: a decoder with a scalar head that tells right responses from wrong ones.

Its log-odds are fit to graded rollouts (Cobbe et al., arXiv 2110.14168, at the last token). What it
says of problems it was not fit to, its accuracy and calibration, is logged: a policy that is
trained against it finds where it is wrong, which shows as reward rising past accuracy.
"""

import hashlib
import math
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hone.core.contracts import Problems, Responses
from hone.core.errors import Diverged, UsageError
from hone.core.sequences import Sequences, pack
from hone.core.stage import Context
from hone.core.vocabulary import Grade
from hone.models.value import ValueModel
from hone.sampling.scoring import SCORED_AT_ONCE, response_hidden
from hone.training.configs import FitReward
from hone.training.diverging import batch_saved
from hone.training.optimizer import MasterAdamW, rate
from hone.training.policies import load_decoder
from hone.training.rollouts import read_graded

_BINS = 10


def fit_reward(config: FitReward, context: Context) -> None:
    """The `fit_reward` stage: from the decoder `policy` and the rollouts of the stage `rollouts`.

    Raises:
        UsageError: the rollouts hold no graded responses of two kinds.
    """
    decoder = load_decoder(context.inputs["policy"] / "checkpoint", config.task)
    model = ValueModel(decoder)
    optimizer = MasterAdamW(model, config.optimizer)
    graded = read_graded(context.inputs["rollouts"])
    held_out = np.array([_is_held_out(name) for name in graded["problem_id"]])
    fitted = graded.filter(~held_out)
    train, test = _Graded.of(fitted), _Graded.of(graded.filter(held_out))

    def save(folder: Path) -> None:
        model.save(folder)
        optimizer.save(folder / "optimizer.safetensors")

    def load(folder: Path) -> None:
        model.load_state_dict(ValueModel.load(folder).state_dict())
        optimizer.load(folder / "optimizer.safetensors")

    for step in range(context.resume(load) + 1, config.steps + 1):
        stream = context.stream.child("fit_reward", step)
        rows = stream.generator().integers(len(train.labels), size=config.batch)
        loss = train.loss(model, rows)
        loss.backward()
        norm = optimizer.step(rate(config.optimizer, step - 1, config.steps))
        with batch_saved(context, step, partial(fitted.__getitem__, rows), config.optimizer.lr):
            if not math.isfinite(norm):
                raise Diverged(f"the reward model's gradient norm is {norm}")
        metrics = {"loss": float(loss.detach())}
        if step % config.every == 0 or step == config.steps:
            predicted = probabilities(model, test.prompts, test.rows, test.responses)
            metrics |= quality(predicted, test.labels)
            context.write_table("calibration", step, calibration(predicted, test.labels))
        context.log(step, config.steps, metrics)
        context.checkpoint(step, save)
    context.complete(save)


class RewardModel:
    """A fitted reward model as a term of a reward."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the checkpoint of a `fit_reward` stage."""
        self._model = ValueModel.load(folder)

    def __call__(self, problems: Problems, responses: Responses) -> Float[np.ndarray, " rows"]:
        """The probability that each response is right; one row of `problems` a response."""
        rows = np.arange(len(problems))
        return probabilities(self._model, problems.prompts, rows, responses.tokens)


class _Graded:
    """Graded responses as arrays."""

    def __init__(
        self, prompts: Sequences, responses: Sequences, labels: Float[np.ndarray, " rows"]
    ) -> None:
        self.prompts, self.responses, self.labels = prompts, responses, labels
        self.rows = np.arange(len(labels))

    @classmethod
    def of(cls, table: pl.DataFrame) -> "_Graded":
        labels = (table["grade"] == Grade.CORRECT).to_numpy().astype(np.float64)
        if not 0 < labels.mean() < 1:
            raise UsageError(
                "a reward model needs right and wrong responses to fit and to test; these are all "
                f"{'right' if labels.mean() else 'wrong'}: take rollouts of an earlier policy"
            )
        prompts, responses = (
            pack(table[name].to_list()) for name in ("prompt_ids", "response_ids")
        )
        return cls(prompts, responses, labels)

    def loss(self, model: ValueModel, rows: np.ndarray) -> Float[Tensor, ""]:
        logits = log_odds(model, self.prompts, rows, self.responses.select(rows))
        return F.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(self.labels[rows]).to(logits)
        )


def log_odds(
    model: ValueModel, prompts: Sequences, rows: np.ndarray, responses: Sequences
) -> Float[Tensor, " rows"]:
    """The head's output after each response's last token."""
    longer = np.pad(responses.trim().tokens, ((0, 0), (0, 1)))  # the token after is never read
    extended = Sequences(longer, responses.lengths + 1)
    hidden, _ = response_hidden(model.decoder, prompts, rows, extended)
    last = torch.from_numpy(responses.lengths).to(hidden.device)
    return model(hidden[torch.arange(len(last), device=hidden.device), last])


@torch.inference_mode()
def probabilities(
    model: ValueModel, prompts: Sequences, rows: np.ndarray, responses: Sequences
) -> Float[np.ndarray, " rows"]:
    """The probability of being right of each response."""
    parts = np.array_split(np.arange(len(rows)), math.ceil(len(rows) / SCORED_AT_ONCE))
    found = [log_odds(model, prompts, rows[part], responses.select(part)) for part in parts]
    return torch.cat(found).double().sigmoid().cpu().numpy()


def quality(
    predicted: Float[np.ndarray, " rows"], labels: Float[np.ndarray, " rows"]
) -> dict[str, float]:
    """Accuracy, Brier score and expected calibration error on responses not fit to."""
    bins = calibration(predicted, labels)
    gap = (bins["predicted"] - bins["observed"]).abs() * bins["count"]
    return {
        "accuracy": float(((predicted > 0.5) == (labels > 0.5)).mean()),
        "brier": float(((predicted - labels) ** 2).mean()),
        "calibration_error": float(np.sum(gap.to_numpy()) / len(labels)),
    }


def calibration(
    predicted: Float[np.ndarray, " rows"], labels: Float[np.ndarray, " rows"]
) -> pl.DataFrame:
    """Predicted against observed share of right responses, in ten bins of the prediction."""
    place = np.minimum((predicted * _BINS).astype(int), _BINS - 1)
    table = pl.DataFrame({"bin": place, "predicted": predicted, "observed": labels})
    means = (pl.col("predicted").mean(), pl.col("observed").mean(), pl.len().alias("count"))
    return table.group_by("bin").agg(*means).sort("bin")


def _is_held_out(problem: str) -> bool:
    """One problem in five, by a hash of it: no seed can move it."""
    return hashlib.sha256(problem.encode()).digest()[0] % 5 == 0
