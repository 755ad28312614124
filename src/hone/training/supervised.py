"""Next-token prediction on demonstrations, drawn from a mixture of strategies."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from hone.core.contracts import Batch, Task, Weighs
from hone.core.errors import UsageError, require
from hone.core.random import Stream
from hone.core.sequences import Sequences, concatenate, pack
from hone.core.stage import Context
from hone.core.vocabulary import Grade
from hone.models.decoder import Decoder
from hone.objectives.algorithms import next_token_prediction
from hone.training.configs import Pretrain, Replay, Supervise
from hone.training.diverging import batch_saved
from hone.training.evaluation import Evaluator
from hone.training.learner import DecoderLearner
from hone.training.policies import adapted, fresh_decoder, load_decoder
from hone.training.rollouts import read_graded


def supervise(config: Supervise, context: Context) -> None:
    """The `supervise` stage: train, evaluate, checkpoint."""
    learner = next_token_learner(
        adapted(_decoder(config, context), config.lora, context.stream), config
    )
    evaluator = Evaluator(config.task, config.evaluation, config.steps, context)
    streams = context.stream.child("supervise")
    taught = _taught(config, context.inputs.get("rollouts"), streams)
    start = context.resume(learner.load)
    if start == 0:
        context.log(0, config.steps, evaluator.figures(learner.policy, 0))
    for step in range(start + 1, config.steps + 1):
        batch = _with_replay(config.replay, taught(step), streams.child("batch", step))
        with batch_saved(context, step, partial(fitted_table, batch), config.optimizer.lr):
            metrics = learner.update(batch, streams.child("order", step))
        del metrics["logprob_gap"]  # demonstrations were sampled from no policy
        metrics["sequences"] = step * config.batch
        context.log(step, config.steps, metrics | evaluator.figures(learner.policy, step))
        context.checkpoint(step, learner.save)
    context.complete(learner.save)


def next_token_learner(decoder: Decoder, config: Supervise | Pretrain) -> DecoderLearner:
    """A learner of data, with the optimizer and over the steps that the config says."""
    return DecoderLearner(
        decoder,
        config.task.alphabet,
        next_token_prediction(),
        config.optimizer,
        config.numerics,
        total_steps=config.steps,
    )


def _taught(config: Supervise, rollouts: Path | None, streams: Stream) -> Callable[[int], Batch]:
    """What each step is to fit, but for what is replayed."""
    if rollouts is not None:
        require(config.distinct is None, "distinct", config.distinct, "none with rollouts to fit")
        kept, most = _kept(rollouts), config.task.max_tokens
        return lambda step: imitations(kept, config.batch, most, streams.child("batch", step))
    made = partial(demonstrations, config.task, config.mixture)
    if config.distinct is None:
        return lambda step: made(config.batch, streams.child("batch", step))
    again = made(config.distinct, streams.child("distinct"))
    rows = partial(rows_again, config.distinct, config.batch, streams.child("epoch"))
    return lambda step: again.select(rows(step))


def rows_again(n: int, batch: int, stream: Stream, step: int) -> np.ndarray:
    """The rows of `n` that a step, from 1, fits: every epoch has each once, in its own order."""
    place = np.arange((step - 1) * batch, step * batch)
    orders = {e: stream.child(e).generator().permutation(n) for e in np.unique(place // n).tolist()}
    return np.array([orders[each // n][each % n] for each in place.tolist()])


def _with_replay(replay: Replay | None, taught: Batch, stream: Stream) -> Batch:
    """What is taught, and beside it what is not to be forgotten."""
    if replay is None:
        return taught
    again = demonstrations(replay.task, replay.mixture, replay.batch, stream.child("replay"))
    return joined(taught, again)


def demonstrations(
    task: Task, mixture: tuple[tuple[str, float], ...], n: int, stream: Stream
) -> Batch:
    """`n` fresh training problems, each demonstrated in a strategy drawn from the mixture."""
    problems = task.draw("train", n, stream.child("problems"))
    weights = [weight for _, weight in mixture]
    drawn = stream.child("strategy").choice(weights, np.arange(n))
    parts = [np.flatnonzero(drawn == index) for index in range(len(mixture))]
    responses = concatenate(
        [
            task.demonstrate(problems.select(rows), strategy)
            for rows, (strategy, _) in zip(parts, mixture, strict=True)
            if len(rows)
        ]
    )
    rows = np.concatenate(parts)
    batch = to_fit(problems.prompts, rows, responses, task.max_tokens)
    if isinstance(task, Weighs):
        batch = replace(batch, weights=task.weights(problems.select(rows), responses))
    return batch


def imitations(kept: pl.DataFrame, n: int, max_tokens: int, stream: Stream) -> Batch:
    """`n` of the kept rollouts, drawn with replacement."""
    drawn = kept[stream.generator().integers(kept.height, size=n)]
    prompts, responses = (pack(drawn[name].to_list()) for name in ("prompt_ids", "response_ids"))
    return to_fit(prompts, np.arange(n), responses, max_tokens)


def joined(one: Batch, other: Batch) -> Batch:
    """The rows of two batches that are to be fit."""
    responses = concatenate([one.responses, other.responses])
    width = responses.tokens.shape[1]
    weights = [
        np.pad(weights, ((0, 0), (0, width - weights.shape[1])))
        for weights in (np.broadcast_to(part.weights, part.responses.tokens.shape)
                        for part in (one, other))
    ]  # fmt: skip
    rows = np.concatenate([one.prompt_rows, len(one.prompts) + other.prompt_rows])
    prompts = concatenate([one.prompts, other.prompts])
    both = to_fit(prompts, rows, responses, max(one.max_tokens, other.max_tokens))
    return replace(both, weights=np.concatenate(weights))


def to_fit(
    prompts: Sequences, prompt_rows: np.ndarray, responses: Sequences, max_tokens: int
) -> Batch:
    """Data to be fit: every response has weight 1."""
    return Batch(
        prompts,
        prompt_rows,
        responses,
        old_logprobs=np.zeros(responses.tokens.shape, dtype=np.float32),
        weights=np.ones((len(responses), 1)),
        temperature=1.0,
        max_tokens=max_tokens,
    )


def _kept(folder: Path) -> pl.DataFrame:
    """The correct training rollouts of an RL stage."""
    kept = read_graded(folder).filter(pl.col("grade") == Grade.CORRECT)
    if kept.is_empty():
        raise UsageError(f"{folder} has no correct training rollouts to fit")
    return kept


def fitted_table(batch: Batch) -> pl.DataFrame:
    """A batch that is fit as a table, for whoever looks into why a loss was not finite."""
    prompts = batch.prompts.select(batch.prompt_rows)
    return pl.DataFrame({"prompt_ids": prompts.lists(), "response_ids": batch.responses.lists()})


def _decoder(config: Supervise, context: Context) -> Decoder:
    if config.model is not None:
        return fresh_decoder(config.model, context.stream)
    return load_decoder(context.inputs["policy"] / "checkpoint", config.task)
