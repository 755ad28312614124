"""A round of post-training: what is drawn, what is learned from, what its state is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.contracts import Batch
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.objectives.algorithms import Algorithm, dapo, expert_iteration, grpo, ppo, reinforce
from hone.objectives.curricula import Adaptive, Fixed, Staged
from hone.objectives.divergence import KL
from hone.objectives.rewards import Coin, Length, WellFormed, verified
from hone.tasks.parity import Parity
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.evaluation import correct_share
from hone.training.learner import DecoderLearner
from hone.training.post_training import PostTraining, first_of_equals
from tests import tiny
from tests.memory import Memory

PROMPTS, GROUP = 12, 4


class Watched(DecoderLearner):
    """Remembers the batches it learned from."""

    batches: list[Batch]

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        self.batches = [*getattr(self, "batches", []), batch]
        return super().update(batch, stream)


def config(algorithm: Algorithm, rounds: int = 2) -> PostTrain:
    return PostTrain(
        tiny.TASK,
        algorithm,
        verified("e2e"),
        rounds,
        PROMPTS,
        GROUP,
        Optimizer(1e-3),
        Evaluation(4, every=10),
    )


def run(settings: PostTrain, folder: Path) -> tuple[Memory, Watched]:
    folder.mkdir(exist_ok=True)
    context = Memory(folder)
    learner = Watched(
        tiny.decoder(), tiny.TASK.alphabet, settings.algorithm, Optimizer(1e-2), Numerics(), 10
    )
    PostTraining(settings, context, learner).run()
    return context, learner


def test_dynamic_sampling_learns_from_groups_with_signal_and_counts_all_that_is_drawn(
    tmp_path: Path,
) -> None:
    plain = replace(dapo().schedule, skip_truncated=False, draws=40)
    settings = config(replace(dapo(), schedule=plain), rounds=1)
    context, learner = run(settings, tmp_path)
    table = context.tables["train", 1]
    (batch,) = learner.batches
    assert len(batch) == PROMPTS * GROUP
    assert table.height > len(batch)
    assert table.height % (PROMPTS * GROUP) == 0
    assert context.logged[1]["drawn"] == table.height
    used = table.filter(pl.col("advantage").is_not_null())
    assert used.height == len(batch)
    assert (used.group_by("group").agg(pl.col("reward").n_unique())["reward"] == 2).all()
    assert table["group"].n_unique() == table.height // GROUP


def test_few_problems_come_again_and_no_round_has_one_twice(tmp_path: Path) -> None:
    settings = replace(config(grpo(), rounds=6), task=Parity(6), distinct=PROMPTS + 4)
    context, _ = run(settings, tmp_path)
    rounds = [context.tables["train", step]["problem_id"].unique() for step in range(1, 7)]
    assert {len(problems) for problems in rounds} == {PROMPTS}
    assert len(set().union(*rounds)) == PROMPTS + 4


def test_more_problems_than_a_task_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="distinct = 40 is not possible; allowed: no more than"):
        run(replace(config(grpo()), distinct=40), tmp_path)


def test_fewer_problems_than_a_round_asks_are_refused() -> None:
    with pytest.raises(UsageError, match="distinct = 4 is not possible; allowed: a round's 12"):
        replace(config(grpo()), distinct=4)


@pytest.mark.parametrize(
    "algorithm",
    [
        replace(dapo(draws=2), kl=KL(0.1, "k1", "reward")),
        replace(dapo(draws=2), kl=KL(0.1, "k3", "loss")),
        replace(ppo(), schedule=replace(ppo().schedule, draws=2)),
    ],
    ids=["kl in reward", "kl in loss", "critic"],
)
def test_where_no_group_has_signal_groups_are_taken_as_they_come(
    algorithm: Algorithm, tmp_path: Path
) -> None:
    everyone = ((1.0, WellFormed()), (-1.0, WellFormed()))  # has the same reward
    context, learner = run(replace(config(algorithm, rounds=1), reward=everyone), tmp_path)
    assert context.logged[1]["drawn"] == 2 * PROMPTS * GROUP
    assert len(learner.batches[0]) <= PROMPTS * GROUP


def test_an_advantage_is_the_mean_over_the_responses_own_tokens(tmp_path: Path) -> None:
    context, learner = run(config(ppo(), rounds=1), tmp_path)
    batch, table = learner.batches[0], context.tables["train", 1]
    for row, told in enumerate(table["advantage"].to_list()):
        assert told == pytest.approx(batch.weights[row, : batch.responses.lengths[row]].mean())


def test_what_was_cut_off_has_no_gradient_where_asked(tmp_path: Path) -> None:
    skipping = replace(grpo(), schedule=replace(grpo().schedule, skip_truncated=True))
    context, learner = run(config(skipping, rounds=1), tmp_path)
    finished = context.tables["train", 1].filter(pl.col("finish") == "stop").height
    assert 0 < finished < PROMPTS * GROUP
    assert len(learner.batches[0]) == finished


def test_equal_answers_to_one_prompt_are_learned_once(tmp_path: Path) -> None:
    anything = ((1.0, Length()),)  # is rewarded, so that everything is kept
    settings = replace(config(expert_iteration(minibatch=1000), rounds=1), reward=anything)
    context, learner = run(settings, tmp_path)
    right = context.tables["train", 1].filter(pl.col("reward") > 0)
    different = right.select("group", "response_text").unique().height
    assert 0 < different < right.height
    assert len(learner.batches[0]) == different


def test_the_first_of_equals_is_kept() -> None:
    plain = tiny.batch()
    rows = [[0, 2], [0, 2], [1, 2], [0, 2], [0, 2, 2]]
    batch = replace(
        plain.select(np.arange(5)),
        prompt_rows=np.array([0, 0, 0, 1, 0]),
        responses=pack(rows),
    )
    among = np.array([False, True, True, True, True])
    assert first_of_equals(batch, among).tolist() == [False, True, True, True, True]
    everything = np.ones(5, dtype=bool)
    assert first_of_equals(batch, everything).tolist() == [True, False, True, True, True]


@pytest.mark.parametrize("place", ["reward", "advantage"])
def test_a_penalty_outside_the_loss_moves_the_weights_once_the_policy_has_moved(
    place: str, tmp_path: Path
) -> None:
    kl = KL(5.0, "k1", place)  # pyright: ignore[reportArgumentType]
    plain, penalised = grpo(), grpo(kl=kl)
    (_, free), (_, bound) = (
        run(config(algorithm), tmp_path / name)
        for name, algorithm in (("a", plain), ("b", penalised))
    )
    # no distance yet in the first round: rounding apart, the same
    assert np.allclose(free.batches[0].weights, bound.batches[0].weights, atol=1e-4)
    assert not np.allclose(free.batches[1].weights, bound.batches[1].weights, atol=1e-3)


def test_a_critics_values_and_returns_are_in_the_batch(tmp_path: Path) -> None:
    context, learner = run(config(ppo()), tmp_path)
    batch = learner.batches[1]
    assert batch.values is not None
    assert batch.returns is not None
    assert batch.weights.shape == batch.responses.tokens.shape
    weights = batch.weights[batch.responses.mask]
    assert weights.mean() == pytest.approx(0, abs=1e-6)
    assert weights.std() == pytest.approx(1, abs=1e-3)
    assert context.logged[1]["value_error"] > 0


def test_a_reward_without_information_does_not_look_at_the_response(tmp_path: Path) -> None:
    settings = replace(config(reinforce(), rounds=1), reward=((1.0, Coin(0.5)),))
    context, _ = run(settings, tmp_path)
    table = context.tables["train", 1]
    rates = table.group_by("grade").agg(pl.col("reward").mean(), pl.len())
    assert rates.height == 2
    assert table["reward"].n_unique() == 2


LEVELS = (Parity(2), Parity(3), Parity(4))


def test_levels_are_drawn_as_the_curriculum_says(tmp_path: Path) -> None:
    settings = replace(config(grpo(), 3), levels=LEVELS, curriculum=Staged((1, 2, 3)))
    context, _ = run(settings, tmp_path)
    for step in (1, 2, 3):
        assert set(context.tables["train", step]["difficulty"]) == {step + 1}


def test_a_mixture_of_levels_is_one_batch(tmp_path: Path) -> None:
    settings = replace(config(grpo(), 1), levels=LEVELS, curriculum=Fixed((1.0, 1.0, 2.0)))
    context, learner = run(settings, tmp_path)
    table = context.tables["train", 1]
    counted = dict(table.group_by("difficulty").len().iter_rows())
    assert counted == {2: 12, 3: 12, 4: 24}
    assert table["group"].to_list() == [row // GROUP for row in range(PROMPTS * GROUP)]
    (batch,) = learner.batches
    lengths = batch.prompts.lengths[batch.prompt_rows]
    assert (lengths == table["difficulty"].to_numpy() + 1).all()
    assert set(context.tables["evaluation", 0]["difficulty"]) == {4}


def test_an_adaptive_curriculum_goes_on_where_it_was(tmp_path: Path) -> None:
    def settings(rounds: int) -> PostTrain:
        plain = config(grpo(), rounds)
        return replace(plain, levels=LEVELS, curriculum=Adaptive(decay=0.2))

    whole, _ = run(settings(4), tmp_path / "whole")
    halves = Memory(tmp_path / "halves")
    halves.folder.mkdir()
    for rounds, resumed in ((2, 0), (4, 2)):
        halves.resumed_at = resumed
        algorithm = settings(rounds).algorithm
        PostTraining(settings(rounds), halves, tiny.learner(algorithm)).run()
    for step in (3, 4):
        assert halves.tables["train", step]["problem_id"].equals(
            whole.tables["train", step]["problem_id"]
        )


def test_a_learner_without_reference_or_critic_is_refused(tmp_path: Path) -> None:
    class Bare:
        """A learner of the fewest methods."""

        def __init__(self) -> None:
            learner = tiny.learner(grpo())
            self.policy, self.sampler = learner.policy, learner.sampler
            self.update, self.restart, self.end_round, self.save, self.load = (
                learner.update, learner.restart, learner.end_round, learner.save, learner.load
            )  # fmt: skip

    PostTraining(config(grpo()), Memory(tmp_path), Bare())
    for algorithm, named in ((grpo(kl=KL(0.1)), "kl = "), (ppo(), "critic = ")):
        with pytest.raises(UsageError, match=named):
            PostTraining(config(algorithm), Memory(tmp_path), Bare())


def test_success_is_counted_among_responses_that_could_be_graded() -> None:
    grades = pl.DataFrame({"grade": ["correct", "incorrect", "unscorable", "unscorable"]})
    assert correct_share(grades) == 0.5
    assert np.isnan(correct_share(grades[2:]))
