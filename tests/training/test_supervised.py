"""What is fit: demonstrations, each token as its task weighs it, or what an RL stage got right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hone.core.contracts import Responses
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.models import checkpoint
from hone.models.config import LoRA, mistral_style
from hone.objectives.algorithms import grpo, next_token_prediction
from hone.objectives.rewards import verified
from hone.sampling.policy import DecoderPolicy
from hone.tasks.field_arithmetic.skills import EXERCISE, FieldSkills
from hone.tasks.parity import Parity
from hone.training.configs import (
    Evaluation,
    Numerics,
    Optimizer,
    PostTrain,
    Replay,
    Supervise,
)
from hone.training.evaluation import graded_table
from hone.training.supervised import supervise
from hone.training.supervised_data import (
    demonstrations,
    imitations,
    joined,
    rows_again,
    up_to,
    with_prompts,
)
from tests import tiny
from tests.memory import Memory


def graded() -> pl.DataFrame:
    problems, responses = tiny.rollouts(32, 4)
    return graded_table(tiny.TASK, problems, responses)


def stages(folder: Path, table: pl.DataFrame) -> dict[str, Path]:
    """A policy's checkpoint and an RL stage with these rollouts."""
    (folder / "rl" / "rollouts").mkdir(parents=True)
    table.write_parquet(folder / "rl" / "rollouts" / "train-000001.parquet")
    checkpoint.save(tiny.decoder(), folder / "base" / "checkpoint", tiny.TASK.alphabet)
    return {"policy": folder / "base", "rollouts": folder / "rl"}


def config(steps: int) -> Supervise:
    mixture = (("long", 1.0),)
    return Supervise(tiny.TASK, mixture, steps, 16, Optimizer(3e-3), Evaluation(8, every=steps))


def test_imitations_are_rows_of_what_was_kept() -> None:
    kept = graded()
    batch = imitations(kept, 64, tiny.TASK.max_tokens, Stream.root(0))
    pairs = set(zip(map(tuple, kept["prompt_ids"].to_list()),
                    map(tuple, kept["response_ids"].to_list()), strict=True))  # fmt: skip
    prompts = batch.prompts.select(batch.prompt_rows).lists()
    drawn = zip(map(tuple, prompts), map(tuple, batch.responses.lists()), strict=True)
    assert set(drawn) <= pairs
    assert (batch.weights == 1).all()


def test_only_right_answers_are_imitated(tmp_path: Path) -> None:
    """All right answers are made short, all wrong ones long: what is learned is to be short."""
    table = graded()
    short = tiny.TASK.draw("train", table.height, Stream.root(3))
    answers = tiny.TASK.demonstrate(short, "short").lists()
    chains = tiny.TASK.demonstrate(short, "long").lists()
    right = np.arange(table.height) % 2 == 0
    table = table.with_columns(
        prompt_ids=pl.Series(short.prompts.lists(), dtype=pl.List(pl.Int32())),
        response_ids=pl.Series(
            [a if ok else b for a, b, ok in zip(answers, chains, right, strict=True)],
            dtype=pl.List(pl.Int32()),
        ),
        grade=pl.Series(np.where(right, "correct", "incorrect")),
    )
    context = Memory(tmp_path / "checkpoint", inputs=stages(tmp_path, table))
    supervise(config(120), context)
    assert context.logged[-1]["share_short"] > 0.9


def test_rollouts_without_a_right_answer_are_refused(tmp_path: Path) -> None:
    table = graded().with_columns(grade=pl.lit("incorrect"))
    context = Memory(tmp_path / "checkpoint", inputs=stages(tmp_path, table))
    with pytest.raises(UsageError, match="no correct training rollouts"):
        supervise(config(1), context)


@given(st.integers(1, 40), st.integers(1, 60))
def test_an_epoch_has_every_demonstration_once_in_its_own_order(n: int, batch: int) -> None:
    stream, steps = Stream.root(0), range(1, 3 * n + 1)
    rows = np.concatenate([rows_again(n, batch, stream, step) for step in steps])
    epochs = rows[: len(rows) // n * n].reshape(-1, n)
    assert (np.sort(epochs) == np.arange(n)).all()
    assert n < 20 or (epochs[0] != epochs[1]).any()


def test_a_few_demonstrations_again_and_again_are_learned_by_heart(tmp_path: Path) -> None:
    """Which of two strategies was drawn for a problem nobody can know who has not seen it."""
    task, mixture = Parity(12), (("long", 0.5), ("short", 0.5))
    fresh = replace(config(150), task=task, mixture=mixture, model=mistral_style(5, 32, 2, 32))
    losses = {}
    for distinct in (None, 8):
        context = Memory(tmp_path / "checkpoint", inputs={})
        supervise(replace(fresh, distinct=distinct), context)
        losses[distinct] = context.logged[-1]["loss"]
    assert losses[8] < losses[None] / 2


def test_distinct_demonstrations_are_refused_beside_rollouts(tmp_path: Path) -> None:
    context = Memory(tmp_path / "checkpoint", inputs=stages(tmp_path, graded()))
    with pytest.raises(UsageError, match="distinct = 4 is not possible; allowed: none"):
        supervise(replace(config(1), distinct=4), context)


def test_a_text_is_a_prompt_and_its_response_after_the_first_token() -> None:
    batch = imitations(graded(), 24, tiny.TASK.max_tokens, Stream.root(0))
    whole = with_prompts(batch)
    first, rest = whole.prompts.select(whole.prompt_rows).lists(), whole.responses.lists()
    asked, answered = batch.prompts.select(batch.prompt_rows).lists(), batch.responses.lists()
    assert all(len(tokens) == 1 for tokens in first)
    assert [one + other for one, other in zip(first, rest, strict=True)] == [
        one + other for one, other in zip(asked, answered, strict=True)
    ]
    assert whole.responses.lengths.max() <= whole.max_tokens


def test_prompts_that_are_learned_are_known_by_heart_in_the_end(tmp_path: Path) -> None:
    """Of few problems, again and again; a prompt's random bits cost what they cost to others."""
    task, bits = Parity(8), 7 * np.log(2)
    few = replace(config(60), task=task, model=mistral_style(5, 32, 2, 32), distinct=2)
    nats = {}
    for learned in (False, True):
        context = Memory(tmp_path / "checkpoint", inputs={})
        supervise(replace(few, learn_prompts=learned, optimizer=Optimizer(1e-2)), context)
        stream = context.stream.child("supervise").child("distinct")
        whole = with_prompts(demonstrations(task, few.mixture, 2, stream))
        policy = DecoderPolicy(checkpoint.load(context.folder), task.alphabet.end)
        texts = Responses(whole.responses, whole.old_logprobs, np.ones(2, dtype=bool), 1)
        nats[learned] = -policy.score(whole.prompts, texts, 1.0)[:, :7].sum(axis=1).mean()
    assert nats[True] < bits < nats[False]


@given(st.integers(50, 1000))
def test_a_budget_of_tokens_is_used_up_to_a_response(tokens: int) -> None:
    """And what is left over has no strategy in particular."""
    batch = demonstrations(tiny.TASK, (("long", 0.5), ("short", 0.5)), 512, Stream.root(0))
    used = up_to(tokens, batch, Stream.root(1)).responses.lengths
    longest = batch.responses.lengths.max()
    assert tokens - longest < used.sum() <= tokens
    assert used.min() < used.max() == longest


def test_as_many_tokens_as_rl_drew_are_fitted(tmp_path: Path) -> None:
    """The table's responses stand for the two rounds' rollouts."""
    table = graded()
    inputs = stages(tmp_path, table)
    table[:40].write_parquet(tmp_path / "rl" / "rollouts" / "train-000002.parquet")
    drawn = [int(each["response_ids"].list.len().sum()) for each in (table, table[:40])]
    context = Memory(
        tmp_path / "checkpoint", inputs={"policy": inputs["policy"], "budget": inputs["rollouts"]}
    )
    supervise(replace(config(2), batch=300), context)
    assert [row["tokens"] for row in context.logged[1:]] == list(np.cumsum(drawn))


def test_a_batch_with_fewer_tokens_than_the_budget_is_refused(tmp_path: Path) -> None:
    inputs = stages(tmp_path, graded())
    context = Memory(
        tmp_path / "checkpoint", inputs={"policy": inputs["policy"], "budget": inputs["rollouts"]}
    )
    with pytest.raises(UsageError, match="batch = 2 is not possible; allowed: more, to have a"):
        supervise(replace(config(1), batch=2), context)
    with pytest.raises(UsageError, match="steps = 3 is not possible; allowed: rl's 1 rounds"):
        supervise(config(3), context)


def test_tokens_weigh_what_their_task_says() -> None:
    task = FieldSkills(11, 3, 3, 0.0, 1.0, 0.0, 0.0, 0.0)
    batch = demonstrations(task, ((EXERCISE, 1.0),), 8, Stream.root(0))
    assert batch.weights.shape == batch.responses.tokens.shape
    results = batch.weights[:, 4:15:5]
    operations = batch.weights[:, 1:15:5]
    assert (results == 1).all()
    assert (operations < 0.5).all()


def test_the_loss_of_joined_batches_is_their_mean_over_tokens() -> None:
    """A token weighs the same whichever batch it came from, and however wide the other is."""
    stream = Stream.root(0)
    parts = [
        demonstrations(tiny.TASK, ((strategy, 1.0),), n, stream.child(strategy))
        for strategy, n in (("short", 5), ("long", 3))
    ]
    found = []
    for batch in (*parts, joined(*parts)):
        learner = tiny.learner(next_token_prediction())
        learner.accumulate(batch)
        found.append((batch.responses.lengths.sum(), tiny.gradient(learner.policy.decoder)))
    (one, first), (other, second), (_, both) = found
    assert torch.allclose(both, (one * first + other * second) / (one + other), atol=1e-6)


def test_what_is_replayed_is_not_forgotten(tmp_path: Path) -> None:
    """A model that writes chains is taught short answers, with and without chains replayed."""
    teacher = tiny.learner(next_token_prediction())
    for step in range(60):
        stream = Stream.root(step)
        teacher.update(demonstrations(tiny.TASK, (("long", 1.0),), 16, stream), stream)
    checkpoint.save(teacher.policy.decoder, tmp_path / "base" / "checkpoint", tiny.TASK.alphabet)
    lengths = {}
    for replay in (None, Replay(tiny.TASK, (("long", 1.0),), 48)):
        context = Memory(tmp_path, inputs={"policy": tmp_path / "base"})
        short = replace(config(30), mixture=(("short", 1.0),), replay=replay)
        supervise(short, context)
        lengths[replay is None] = context.logged[-1]["sampled_length"]
    assert lengths[True] < 1.5 < lengths[False]


def test_dropout_is_refused_where_it_cannot_be() -> None:
    """Compiled decoders do not see it come and go; in RL what responds would not be what learns."""
    dropping = LoRA(2, 4.0, dropout=0.1)
    with pytest.raises(UsageError, match=r"lora\.dropout = 0\.1 .*allowed: 0 where .* compiled"):
        replace(config(1), lora=dropping, numerics=Numerics(compile=True))
    with pytest.raises(UsageError, match=r"lora\.dropout = 0\.1 .*allowed: 0 in RL"):
        PostTrain(tiny.TASK, grpo(), verified("e2e"), 1, 2, 2, Optimizer(1e-3), Evaluation(2, 1),
                  lora=dropping)  # fmt: skip
    with pytest.raises(UsageError, match=r"lora\.dropout = 1"):
        LoRA(2, 4.0, dropout=1.0)


def test_a_replay_of_another_alphabet_is_refused() -> None:
    with pytest.raises(UsageError, match=r"replay\.task"):
        replace(config(1), replay=Replay(FieldSkills(), ((EXERCISE, 1.0),), 4))
