"""What supervised training fits: demonstrations, or what an RL stage got right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from hone.core.contracts import Batch, Task, Weighs
from hone.core.errors import UsageError, require
from hone.core.random import Stream
from hone.core.sequences import Sequences, concatenate, pack
from hone.core.vocabulary import Grade
from hone.training.configs import Supervise
from hone.training.rollouts import read_graded, tokens_drawn


@dataclass(frozen=True)
class Source:
    """The batch of each step, from 1."""

    config: Supervise
    taught: Callable[[int], Batch]  # what is to be learned, by step
    budget: list[int] | None  # response tokens of it that each step fits; None: all
    streams: Stream

    @staticmethod
    def of(config: Supervise, inputs: Mapping[str, Path], streams: Stream) -> "Source":
        """What the config and the RL stages among its inputs say is to be fit."""
        budget = _budget(config, inputs["budget"]) if "budget" in inputs else None
        taught = _imitated if "rollouts" in inputs else _demonstrated
        return Source(config, taught(config, inputs, streams), budget, streams)

    def batch(self, step: int) -> Batch:
        """What a step fits: what is taught, and beside it what is not to be forgotten."""
        taught, stream = self.taught(step), self.streams.child("batch", step)
        if self.budget is not None:
            taught = up_to(self.budget[step - 1], taught, stream.child("budget"))
        if self.config.learn_prompts:
            taught = with_prompts(taught)
        replay = self.config.replay
        if replay is None:
            return taught
        again = demonstrations(replay.task, replay.mixture, replay.batch, stream.child("replay"))
        return joined(taught, again)

    def spent(self, step: int) -> dict[str, int]:
        """What was taught until now, in the unit that is fixed."""
        if self.budget is None:
            return {"sequences": step * self.config.batch}
        return {"tokens": sum(self.budget[:step])}


def _demonstrated(
    config: Supervise, _inputs: Mapping[str, Path], streams: Stream
) -> Callable[[int], Batch]:
    """Fresh demonstrations at every step, or the same ones in every epoch."""
    made = partial(demonstrations, config.task, config.mixture)
    if config.distinct is None:
        return lambda step: made(config.batch, streams.child("batch", step))
    again = made(config.distinct, streams.child("distinct"))
    rows = partial(rows_again, config.distinct, config.batch, streams.child("epoch"))
    return lambda step: again.select(rows(step))


def _imitated(
    config: Supervise, inputs: Mapping[str, Path], streams: Stream
) -> Callable[[int], Batch]:
    """What the RL stage got right, drawn anew at every step."""
    require(config.distinct is None, "distinct", config.distinct, "none with rollouts to fit")
    kept, most = _kept(inputs["rollouts"]), config.task.max_tokens
    return lambda step: imitations(kept, config.batch, most, streams.child("batch", step))


def _budget(config: Supervise, rl: Path) -> list[int]:
    """Response tokens of the RL stage's rounds, one for each step."""
    budget = tokens_drawn(rl)
    require(config.steps <= len(budget), "steps", config.steps, f"{rl.name}'s {len(budget)} rounds")
    return budget


def up_to(tokens: int, batch: Batch, stream: Stream) -> Batch:
    """As many of a batch's rows, in random order, as have so many response tokens.

    Raises:
        UsageError: all of them have fewer.
    """
    order = stream.generator().permutation(len(batch))  # a batch has its strategies one by one
    ends = np.cumsum(batch.responses.lengths[order])
    enough = int(ends[-1]) >= tokens
    require(enough, "batch", len(batch), f"more, to have a round's {tokens} tokens")
    return batch.select(order[ends <= tokens])


def with_prompts(batch: Batch) -> Batch:
    """A batch whose responses begin after the first token of their prompts."""
    prompts = batch.prompts.select(batch.prompt_rows)
    asked, answered = prompts.lists(), batch.responses.lists()
    texts = pack([ask[1:] + answer for ask, answer in zip(asked, answered, strict=True)])
    first = Sequences(prompts.tokens[:, :1], np.ones(len(batch), dtype=np.int64))
    most = batch.max_tokens + prompts.tokens.shape[1] - 1
    return to_fit(first, np.arange(len(batch)), texts, most)


def rows_again(n: int, batch: int, stream: Stream, step: int) -> np.ndarray:
    """The rows of `n` that a step, from 1, fits: every epoch has each once, in its own order."""
    place = np.arange((step - 1) * batch, step * batch)
    orders = {e: stream.child(e).generator().permutation(n) for e in np.unique(place // n).tolist()}
    return np.array([orders[each // n][each % n] for each in place.tolist()])


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
