"""The one post-training loop: respond → read → reward → credit → update, for every algorithm."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from hone.core.contracts import (
    Batch,
    HasCritic,
    HasReference,
    Learner,
    Problems,
    Responses,
    SamplingProtocol,
    Task,
)
from hone.core.errors import Diverged, require
from hone.core.random import Stream
from hone.core.stage import Context
from hone.core.vocabulary import Grade
from hone.objectives.algorithms import UntilMatched
from hone.objectives.credit import assign
from hone.objectives.curricula import counts
from hone.objectives.rewards import Judged, Learned, Scorer, total
from hone.training.checks import check_gap, check_start
from hone.training.configs import PostTrain
from hone.training.diverging import batch_saved
from hone.training.evaluation import (
    Evaluator,
    correct_share,
    distinct_problems,
    graded_table,
    mean_length,
    share,
)
from hone.training.learner import DecoderLearner
from hone.training.policies import adapted, load_decoder
from hone.training.reward_model import RewardModel
from hone.training.rollouts import Rollouts, join


def post_train(config: PostTrain, context: Context) -> None:
    """The `post_train` stage on the decoder of the input named `policy`."""
    decoder = load_decoder(context.inputs["policy"] / "checkpoint", config.task)
    learner = DecoderLearner(
        adapted(decoder, config.lora, context.stream),
        config.task.alphabet,
        config.algorithm,
        config.optimizer,
        config.numerics,
        total_steps=config.rounds,
    )
    scorers = {
        term.model: RewardModel(context.inputs[term.model] / "checkpoint")
        for _, term in config.reward
        if isinstance(term, Learned)
    }
    PostTraining(config, context, learner, scorers).run()


@dataclass
class PostTraining:
    """A post-training run in progress: any learner, on any task, by any algorithm."""

    config: PostTrain
    context: Context
    learner: Learner
    scorers: Mapping[str, Scorer] = field(default_factory=dict)  # learned rewards by input
    credit_state: dict[str, float] = field(default_factory=dict)
    curriculum_state: dict[str, float] = field(default_factory=dict)
    _rounding: float = field(default=math.inf, init=False)  # of log-probabilities, at the start
    _again: dict[Task, Problems] = field(default_factory=dict, init=False)  # asked again

    def __post_init__(self) -> None:
        algorithm, kind = self.config.algorithm, type(self.learner).__name__
        if not isinstance(self.learner, HasReference):
            require(algorithm.kl is None, "kl", algorithm.kl, f"none: {kind} has no reference")
        if not isinstance(self.learner, HasCritic):
            require(algorithm.critic is None, "critic", algorithm.critic,
                    f"none: {kind} has no critic")  # fmt: skip

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
        """Rollouts, and what is learned from them."""
        drawn, picked = self._rollouts(step, stream)
        rollouts = drawn.select(picked)
        batch, self.credit_state = self._credited(rollouts)
        scored = ~np.isnan(rollouts.rewards.ravel())
        if self.config.algorithm.schedule.skip_truncated:
            scored &= rollouts.responses.stopped
        advantages = np.full(drawn.table.height, np.nan)
        mask = batch.responses.mask
        means = (batch.weights * mask).sum(axis=1) / np.maximum(batch.responses.lengths, 1)
        advantages[drawn.rows(picked)] = means
        table = drawn.table.with_columns(advantage=pl.Series(advantages).fill_nan(None))
        self.context.write_table("train", step, table)
        metrics = self._learn(step, batch, scored, rollouts.table, stream)
        self.learner.end_round(step)
        return {**_summary(table, self.config.task), **metrics}

    def _rollouts(self, step: int, stream: Stream) -> tuple[Rollouts, np.ndarray]:
        """All that is drawn in a round, and which groups are learned from."""
        config = self.config
        drawn = self._draw(step, stream)
        if config.algorithm.schedule.draws == 1:
            return drawn, np.arange(len(drawn))
        for attempt in range(1, config.algorithm.schedule.draws):
            if drawn.has_signal.sum() >= config.prompts:
                break
            drawn = join([drawn, self._draw(step, stream.child("draw", attempt))])
        picked = np.flatnonzero(drawn.has_signal)[: config.prompts]
        return drawn, picked if len(picked) else np.arange(config.prompts)  # none: as they come

    def _draw(self, step: int, stream: Stream) -> Rollouts:
        """As many groups as a round has prompts, from the levels that the curriculum asks for."""
        config = self.config
        if config.curriculum is None:
            return self._draw_from(config.task, config.prompts, step, stream)
        levels = len(config.levels)
        wanted = config.curriculum.shares(step, levels, self.curriculum_state)
        parts = {
            level: self._draw_from(config.levels[level], n, step, stream.child("level", level))
            for level, n in enumerate(counts(wanted, config.prompts))
            if n
        }
        success = {level: correct_share(part.table) for level, part in parts.items()}
        self.curriculum_state = config.curriculum.observe(success, levels, self.curriculum_state)
        return join(list(parts.values()))

    def _draw_from(self, task: Task, prompts: int, step: int, stream: Stream) -> Rollouts:
        """Groups of responses to training problems of a task, graded and rewarded."""
        config, sampler = self.config, self.learner.sampler
        problems = self._asked(task, prompts, stream.child("problems"))
        protocol = SamplingProtocol(task.max_tokens, config.group, config.temperature, config.top_p)
        asked = partial(pl.DataFrame, {"prompt_ids": problems.prompts.lists()})
        with batch_saved(self.context, step, asked, config.optimizer.lr, "round"):
            responses = sampler.respond(problems.prompts, protocol, stream.child("respond"))
        if step == 1:
            self._rounding = check_start(sampler, problems, responses, protocol)
            self._check_reference(problems, responses)
        each = problems.select(responses.prompt_rows)
        reading = task.read(each, responses.tokens, responses.stopped)
        judged = Judged(task, each, responses, reading, stream.child("reward"), self.scorers)
        rewards = total(config.reward, judged)
        if np.isinf(rewards).any():
            raise Diverged(f"round {step}: a reward is infinite; rewards: {config.reward}")
        table = graded_table(
            task,
            problems,
            responses,
            reading,
            step=step,
            seed=self.context.seed,
            split="train",
            temperature=config.temperature,
            policy_version=max(0, step - 1 - config.algorithm.schedule.staleness),
        )
        return Rollouts(
            problems.prompts,
            responses,
            rewards.reshape(-1, config.group),
            table.with_columns(reward=pl.Series(rewards)),
        )

    def _asked(self, task: Task, n: int, stream: Stream) -> Problems:
        """Fresh training problems, or some of those that come again and again."""
        distinct = self.config.distinct
        if distinct is None:
            return task.draw("train", n, stream)
        if task not in self._again:
            own = self.context.stream.child("distinct")
            found = self._again[task] = distinct_problems(task, "train", distinct, own)
            require(len(found) == distinct, "distinct", distinct, f"no more than {task.name} has")
        rows = stream.generator().choice(distinct, n, replace=False)
        return self._again[task].select(rows)

    def _check_reference(self, problems: Problems, responses: Responses) -> None:
        """At the start, reference and policy are the same: every KL is zero."""
        if self.config.algorithm.kl is None:
            return
        assert isinstance(self.learner, HasReference)
        found = self.learner.divergence(
            "exact", problems.prompts, responses, self.config.temperature
        )
        if np.abs(found).max() > 1e-6:
            raise Diverged(f"start-up check: KL to the initial policy is {np.abs(found).max():.2e}")

    def _credited(self, rollouts: Rollouts) -> tuple[Batch, dict[str, float]]:
        """What is learned from: responses and the weights of their tokens."""
        algorithm, temperature = self.config.algorithm, self.config.temperature
        prompts, responses, kl = rollouts.prompts, rollouts.responses, algorithm.kl
        penalties = reference = values = None
        if kl is not None:
            assert isinstance(self.learner, HasReference)
            if kl.place != "loss":
                divergence = self.learner.divergence(kl.estimator, prompts, responses, temperature)
                penalties = -kl.coefficient * divergence
                if not np.isfinite(penalties).all():
                    raise Diverged("the KL to the reference is not finite; its weights are damaged")
            elif kl.estimator != "exact":
                reference = self.learner.reference_logprobs(prompts, responses, temperature)
        if algorithm.critic is not None:
            assert isinstance(self.learner, HasCritic)
            values = self.learner.values(prompts, responses)
        in_reward = kl is not None and kl.place == "reward"
        credited = assign(
            algorithm.credit,
            rollouts.rewards,
            penalties if in_reward else None,
            values,
            responses.tokens.mask,
            self.credit_state,
        )
        weights = credited.weights
        if penalties is not None and not in_reward:
            weights = weights + penalties * responses.tokens.mask
        batch = Batch(
            prompts,
            responses.prompt_rows,
            responses.tokens,
            responses.logprobs,
            weights,
            temperature,
            max(task.max_tokens for task in (self.config.task, *self.config.levels)),
            reference,
            values,
            credited.returns,
        )
        return batch, credited.state

    def _learn(
        self, step: int, batch: Batch, usable: np.ndarray, table: pl.DataFrame, stream: Stream
    ) -> dict[str, float]:
        """The schedule's epochs over what it keeps of the batch."""
        schedule = self.config.algorithm.schedule
        keep = usable.copy()
        if schedule.keep == "positive":
            keep &= (batch.weights > 0).any(axis=1)
        if schedule.deduplicate:
            keep &= first_of_equals(batch, keep)
        if not keep.any():
            return {"kept": 0.0}
        if schedule.start == "initial":
            self.learner.restart()
        kept = batch.select(keep)
        target = _matched_share(schedule.until, table.filter(pl.Series(keep)))
        metrics, epoch, has_matched = {}, 0, False
        for epoch in range(schedule.until.max_epochs if schedule.until else schedule.epochs):
            metrics = self._update(step, kept, table, stream.child("epoch", epoch))
            if (step, epoch) == (1, 0) and not self.config.algorithm.loss.fits_data:
                check_gap(metrics.get("logprob_gap", 0.0), self._rounding)
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
        with batch_saved(self.context, step, lambda: table, self.config.optimizer.lr, "round"):
            return self.learner.update(batch, stream)

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
        state = {"credit": self.credit_state, "curriculum": self.curriculum_state}
        (folder / "loop.json").write_text(json.dumps(state))

    def _load(self, folder: Path) -> None:
        self.learner.load(folder)
        state = json.loads((folder / "loop.json").read_text())
        self.credit_state, self.curriculum_state = state["credit"], state["curriculum"]


def first_of_equals(batch: Batch, among: np.ndarray) -> np.ndarray:
    """Of the given rows, those whose tokens no earlier one of the same prompt has."""
    keep, seen = np.zeros(len(batch), dtype=bool), set()
    for row in np.flatnonzero(among):
        text = batch.responses.tokens[row, : batch.responses.lengths[row]].tobytes()
        identity = (int(batch.prompt_rows[row]), text)
        keep[row] = identity not in seen
        seen.add(identity)
    return keep


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
        "train_accuracy": correct_share(table),
        "truncated": share(table, "finish", "length"),
        "train_length": mean_length(table),
        **{f"train_share_{name}": share(table, "strategy", name) for name in task.strategies},
    }
