"""Fixed-protocol evaluation: the same distinct validation problems for every seed and arm."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.core.contracts import Policy, Problems, Reading, Responses, SamplingProtocol, Split, Task
from hone.core.random import Stream
from hone.core.stage import Context
from hone.core.tables import rollout_table
from hone.core.vocabulary import Finish, Grade
from hone.training.configs import Evaluation, Likelihood, Respond
from hone.training.policies import load_policy


def evaluation_problems(task: Task, split: Split, n: int) -> Problems:
    """At most `n` distinct problems of a split; a function of the task alone."""
    return distinct_problems(task, split, n, Stream.root(0).child("evaluation"))


def distinct_problems(task: Task, split: Split, n: int, stream: Stream) -> Problems:
    """At most `n` problems of a split, none twice, of four times as many that are drawn."""
    drawn = task.draw(split, 4 * n, stream)
    _, first = np.unique(drawn.ids, return_index=True)
    return drawn.select(np.sort(first)[:n])


def graded_table(
    task: Task,
    problems: Problems,
    responses: Responses,
    reading: Reading | None = None,
    **constants: str | int | float | None,
) -> pl.DataFrame:
    """Responses as a rollout table, read by their task unless that has been done."""
    if reading is None:
        each = problems.select(responses.prompt_rows)
        reading = task.read(each, responses.tokens, responses.stopped)
    text = (task.alphabet.text(np.array(row)) for row in responses.tokens.lists())
    return rollout_table(problems, responses, reading, text, **constants)


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a policy in training when it is due: greedy, and sampled at temperature 1."""

    task: Task
    config: Evaluation
    total: int  # steps of the stage
    context: Context

    def figures(self, policy: Policy, step: int) -> dict[str, float]:
        """The figures to watch, once the table is stored; nothing where no evaluation is due."""
        if step % self.config.every and step != self.total:
            return {}
        problems = evaluation_problems(self.task, "validation", self.config.problems)
        greedy = self._table(policy, problems, SamplingProtocol(self.task.max_tokens, 1, 0.0), step)
        sampled = self._table(
            policy, problems, SamplingProtocol(self.task.max_tokens, self.config.samples), step
        )
        self.context.write_table("evaluation", step, pl.concat([greedy, sampled]))
        return {
            "greedy_accuracy": correct_share(greedy),
            "sampled_accuracy": correct_share(sampled),
            "sampled_length": mean_length(sampled),
            **{f"share_{name}": share(sampled, "strategy", name) for name in self.task.strategies},
        }

    def _table(
        self, policy: Policy, problems: Problems, protocol: SamplingProtocol, step: int
    ) -> pl.DataFrame:
        stream = self.context.stream.child("evaluation", step)
        return graded_table(
            self.task,
            problems,
            policy.respond(problems.prompts, protocol, stream),
            step=step,
            seed=self.context.seed,
            split="validation",
            temperature=protocol.temperature,
            policy_version=step,
        )


def respond(config: Respond, context: Context) -> None:
    """The `respond` stage: one table of graded responses, no checkpoint."""
    policy = load_policy(context.inputs["policy"] / "checkpoint", config.task, config.numerics)
    problems = evaluation_problems(config.task, config.split, config.problems)
    responses = policy.respond(
        problems.prompts,
        SamplingProtocol(config.task.max_tokens, config.samples, config.temperature, config.top_p),
        context.stream.child("respond"),
        None if config.forced is None else config.task.constrain(config.forced),
    )
    table = graded_table(
        config.task,
        problems,
        responses,
        step=0,
        seed=context.seed,
        split=config.split,
        temperature=config.temperature,
        forced=config.forced,
        policy_version=0,
    )
    context.write_table("evaluation", 0, table)
    context.log(1, 1, {"accuracy": correct_share(table)})


def likelihood(config: Likelihood, context: Context) -> None:
    """The `likelihood` stage: one table, a row a problem and strategy, of log-probabilities."""
    task = config.task
    policy = load_policy(context.inputs["policy"] / "checkpoint", task, config.numerics)
    problems = evaluation_problems(task, config.split, config.problems)
    found = {}
    for strategy in task.strategies:
        shown = task.demonstrate(problems, strategy)
        ended = np.ones(len(shown), dtype=bool)
        responses = Responses(shown, np.zeros(shown.tokens.shape), ended, samples=1)
        logprobs = policy.score(problems.prompts, responses, 1.0)
        found[strategy] = (logprobs * shown.mask).sum(axis=1)
    table = pl.concat(
        pl.DataFrame({"problem_id": problems.ids, "logprob": logprobs.astype(np.float64)})
        .with_columns(strategy=pl.lit(strategy), seed=pl.lit(context.seed))
        for strategy, logprobs in found.items()
    )  # fmt: skip
    context.write_table("likelihood", 0, table)
    shares = {f"likelihood_{name}": float(np.mean(np.exp(each))) for name, each in found.items()}
    context.log(1, 1, shares)


def correct_share(table: pl.DataFrame) -> float:
    """The fraction of scorable rows that are correct; NaN where none is scorable."""
    grades = table["grade"].to_numpy()
    scorable = np.count_nonzero(grades != Grade.UNSCORABLE)
    return np.count_nonzero(grades == Grade.CORRECT) / scorable if scorable else math.nan


def share(table: pl.DataFrame, column: str, value: str) -> float:
    """The fraction of rows whose column holds the value."""
    return float(np.mean(table[column].to_numpy() == value))


def mean_length(table: pl.DataFrame) -> float:
    """Mean number of response tokens, the end not counted."""
    ends = (table["finish"] == Finish.STOP).to_numpy()
    return float(np.mean(table["response_ids"].list.len().to_numpy() - ends))
