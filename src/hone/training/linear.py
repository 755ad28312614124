"""Stages of linear autoregressive models: next-token prediction, and STaR by the one loop of RL."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from hone.core.alphabet import Vocabulary
from hone.core.contracts import Batch
from hone.core.random import Stream
from hone.core.stage import Context
from hone.models import linear
from hone.models.linear import LinearModel
from hone.sampling.linear import LinearPolicy
from hone.training.evaluation import Evaluator
from hone.training.linear_configs import LinearFit, LinearStar
from hone.training.linear_data import Kept, demonstrated, drawn_from
from hone.training.linear_sgd import Fitter
from hone.training.policies import load_linear
from hone.training.post_training import PostTraining

_STATE = "state.safetensors"


def fit(config: LinearFit, context: Context) -> None:
    """The `fit` stage: averaged SGD on the mixture, evaluated on the way."""
    task, sgd = config.task, config.sgd
    stream = context.stream.child("fit")
    fitter = Fitter(task.d, sgd, demonstrated(task.d, config.p_cot, sgd.batch, 1, stream))
    evaluator = Evaluator(task, config.evaluation, sgd.steps, context)

    def look(step: int) -> None:
        fitter.advance(step)
        policy = LinearPolicy(fitter.model(), task.alphabet.end)
        figures = evaluator.figures(policy, step)
        context.log(step, sgd.steps, {"sequences": step * sgd.batch, **figures})

    start = context.resume(lambda folder: load_state(fitter, folder))
    if start == 0:
        look(0)
    for step in sorted({*range(0, sgd.steps, config.evaluation.every), sgd.steps}):
        if step > start:
            look(step)
            context.checkpoint(step, lambda folder: save_state(fitter, folder))
    context.complete(lambda folder: linear.save(fitter.model(), folder, task.alphabet))


def save_state(fitter: Fitter, folder: Path) -> None:
    """Where a fit stands."""
    save_file(fitter.state(), folder / _STATE)


def load_state(fitter: Fitter, folder: Path) -> None:
    """Go on from where a fit stood."""
    fitter.restore(load_file(folder / _STATE))


def self_taught(config: LinearStar, context: Context) -> None:
    """The STaR stage on the linear model of the input named `policy`."""
    policy = load_linear(context.inputs["policy"] / "checkpoint", config.task)
    PostTraining(config.loop, context, LinearLearner(policy, config)).run()


@dataclass
class LinearLearner:
    """A linear model whose update is a fit from zero to what the round kept."""

    policy: LinearPolicy
    config: LinearStar

    @property
    def sampler(self) -> LinearPolicy:
        return self.policy

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        sgd, d = self.config.sgd, self.config.task.d
        kept = kept_rollouts(batch, d)
        fitter = Fitter(d, sgd, drawn_from(kept, sgd.batch, stream))
        fitter.advance(sgd.steps)
        self._become(fitter.model())
        return {"kept_share_long": len(kept.long_x) / len(batch)}

    def restart(self) -> None:
        """Every update starts from zero."""

    def end_round(self, round: int) -> None:
        """Nothing lags behind."""

    def save(self, folder: Path) -> None:
        linear.save(self.policy.model, folder, self._vocabulary)

    def load(self, folder: Path) -> None:
        self._become(linear.load(folder))

    def _become(self, model: LinearModel) -> None:
        self.policy = LinearPolicy(model, self._vocabulary.end)

    @property
    def _vocabulary(self) -> Vocabulary:
        return self.config.task.alphabet


def kept_rollouts(batch: Batch, d: int) -> Kept:
    """Responses as signs, by whether they are chains of d values or one value alone."""
    x = 2.0 * batch.prompts.tokens[batch.prompt_rows, :d] - 1
    tokens = batch.responses.tokens[:, :d]
    y = 2.0 * np.pad(tokens, ((0, 0), (0, d - tokens.shape[1]))) - 1
    is_long = batch.responses.lengths == d + 1
    return Kept(x[is_long], y[is_long], x[~is_long], y[~is_long])
