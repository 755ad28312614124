"""The one post-training loop: respond → read → reward → credit → update, for every algorithm."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from hone.core.contracts import Batch, Learner, Problems, Responses, SamplingProtocol, Task
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.stage import Context
from hone.core.vocabulary import Grade
from hone.objectives.algorithms import UntilMatched
from hone.training.checks import check_start
from hone.training.configs import PostTrain
from hone.training.evaluation import Evaluator, graded_table, mean_length, share
from hone.training.learner import DecoderLearner
from hone.training.policies import load_decoder


def post_train(config: PostTrain, context: Context) -> None:
    """The `post_train` stage on the decoder of the input named `policy`."""
    learner = DecoderLearner(
        load_decoder(context.inputs["policy"] / "checkpoint", config.task),
        config.task.alphabet,
        config.algorithm,
        config.optimizer,
        config.numerics,
        total_steps=config.rounds,
    )
    PostTraining(config, context, learner).run()


@dataclass
class PostTraining:
    """A post-training run in progress: any learner, on any task, by any algorithm."""

    config: PostTrain
    context: Context
    learner: Learner
    credit_state: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """All rounds that are left, with evaluations and checkpoints."""
        config, context = self.config, self.context
        evaluator = Evaluator(config.task, config.evaluation, config.rounds, context)
        start = context.resume(self._load)
        if start == 0:
            context.log(0, config.rounds, evaluator.figures(self.learner.policy, 0))
        for step in range(start + 1, config.rounds + 1):
            metrics = self._round(step, context.stream.child("post_train", step))
            metrics |= evaluator.figures(self.learner.policy, step)
            context.log(step, config.rounds, metrics)
            context.checkpoint(step, self._save)
        context.complete(self.learner.save)

    def _round(self, step: int, stream: Stream) -> dict[str, float]:
        """One batch of rollouts and what is learned from it."""
        config = self.config
        problems = config.task.draw("train", config.prompts, stream.child("problems"))
        protocol = SamplingProtocol(
            config.task.max_tokens, config.group, config.temperature, config.top_p
        )
        responses = self.learner.policy.respond(problems.prompts, protocol, stream.child("respond"))
        if step == 1:
            check_start(self.learner.policy, problems, responses, protocol)
        table, rewards = self._reward(step, problems, responses)
        weights, self.credit_state = config.algorithm.credit.weights(
            rewards.reshape(-1, config.group), self.credit_state
        )
        table = table.with_columns(advantage=pl.Series(weights.ravel()))
        self.context.write_table("train", step, table)
        batch = Batch(
            problems.prompts,
            responses.prompt_rows,
            responses.tokens,
            responses.logprobs,
            weights.ravel(),
            config.temperature,
        )
        metrics = self._learn(step, batch, ~np.isnan(rewards), table, stream)
        return {**_summary(table, config.task), **metrics}

    def _reward(
        self, step: int, problems: Problems, responses: Responses
    ) -> tuple[pl.DataFrame, np.ndarray]:
        """The rollouts as a table, and their rewards (NaN: unscorable)."""
        task, each = self.config.task, problems.select(responses.prompt_rows)
        reading = task.read(each, responses.tokens, responses.stopped)
        rewards = task.reward(self.config.reward, each, responses.tokens, reading)
        table = graded_table(
            task,
            problems,
            responses,
            reading,
            step=step,
            seed=self.context.seed,
            split="train",
            temperature=self.config.temperature,
            policy_version=step - 1,
        )
        return table.with_columns(reward=pl.Series(rewards)), rewards

    def _learn(
        self, step: int, batch: Batch, scored: np.ndarray, table: pl.DataFrame, stream: Stream
    ) -> dict[str, float]:
        """The schedule's epochs over what it keeps of the batch."""
        schedule = self.config.algorithm.schedule
        keep = scored & (batch.weights > 0) if schedule.keep == "positive" else scored
        if not keep.any():
            return {"kept": 0.0}
        if schedule.start == "initial":
            self.learner.restart()
        kept = batch.select(keep)
        target = _matched_share(schedule.until, table.filter(pl.Series(keep)))
        metrics, epoch, has_matched = {}, 0, False
        for epoch in range(schedule.until.max_epochs if schedule.until else schedule.epochs):
            metrics = self._update(step, kept, table, stream.child("epoch", epoch))
            if schedule.until is None:
                continue
            has_matched = self._has_matched(schedule.until, target, stream.child("match", epoch))
            if has_matched:
                break
        return {
            **metrics,
            "kept": float(keep.mean()),
            "epochs": epoch + 1.0,
            "matched": float(has_matched),
        }

    def _update(
        self, step: int, batch: Batch, table: pl.DataFrame, stream: Stream
    ) -> dict[str, float]:
        """One pass; a divergence leaves the batch that caused it on disk and says where."""
        try:
            return self.learner.update(batch, stream)
        except Diverged as error:
            file = self.context.write_table("diverged", step, table)
            raise Diverged(
                f"round {step}: {error}; the batch is in {file}; a lower learning rate "
                f"than {self.config.optimizer.lr} is the usual cure"
            ) from error

    def _has_matched(self, until: UntilMatched, target: float, stream: Stream) -> bool:
        """Whether the policy shows the strategy as often as the kept data, in log-odds."""
        task = self.config.task
        problems = task.draw("train", until.samples, stream.child("problems"))
        responses = self.learner.policy.respond(
            problems.prompts, SamplingProtocol(task.max_tokens), stream.child("respond")
        )
        reading = task.read(problems, responses.tokens, responses.stopped)
        shown = np.count_nonzero(reading.strategies == until.strategy)
        return abs(_log_odds(shown, until.samples) - target) <= until.tolerance

    def _save(self, folder: Path) -> None:
        self.learner.save(folder)
        (folder / "credit.json").write_text(json.dumps(self.credit_state))

    def _load(self, folder: Path) -> None:
        self.learner.load(folder)
        self.credit_state = json.loads((folder / "credit.json").read_text())


def _matched_share(until: UntilMatched | None, kept: pl.DataFrame) -> float:
    """Log-odds of the strategy among the kept rows."""
    if until is None:
        return 0.0
    return _log_odds(kept.filter(pl.col("strategy") == until.strategy).height, kept.height)


def _log_odds(count: int | np.integer, total: int) -> float:
    """With half a count on either side, so that none and all stay finite."""
    return float(np.log((count + 0.5) / (total - count + 0.5)))


def _summary(table: pl.DataFrame, task: Task) -> dict[str, float]:
    """What a round's rollouts were like; `drawn` counts every rollout, kept or not."""
    return {
        "drawn": float(table.height),
        "reward": float(np.nanmean(table["reward"].to_numpy())),
        "unscorable": share(table, "grade", Grade.UNSCORABLE),
        "train_accuracy": share(table, "grade", Grade.CORRECT),
        "truncated": share(table, "finish", "length"),
        "train_length": mean_length(table),
        **{f"train_share_{name}": share(table, "strategy", name) for name in task.strategies},
    }
