"""How a run of RL went: when it collapsed, how far rewards fell, what it drew and learned from."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.formats import shares

COLLAPSED = 0.9  # share of a format from which a policy counts as collapsed onto it
_SMOOTHED = 5  # rounds of which the mean reward is taken where falls are looked for


def lost_with_copies(run: Results, format: str) -> float:
    """A format's share of the right responses of RL's first round, minus that where copies go."""
    table = run.select(stage="rl").rollouts("train", steps=(1,)).filter(CORRECT)
    if not table.height:
        return math.nan
    once = table.unique(["problem_id", "response_text"])
    return shares(table).get(format, 0.0) - shares(once).get(format, 0.0)


@dataclass(frozen=True)
class Course:
    """Sampled responses of one run at every look: rounds, the winner's share, accuracy."""

    looks: np.ndarray
    most: np.ndarray
    right: np.ndarray

    @property
    def collapse_time(self) -> float:
        """The first look with a share of `COLLAPSED`; one look beyond the last if there is none."""
        reached = np.flatnonzero(self.most >= COLLAPSED)
        return float(
            self.looks[reached[0]] if len(reached) else 2 * self.looks[-1] - self.looks[-2]
        )

    @property
    def collapsed_by(self) -> float:
        """`collapse_time` as a part of all rounds; above 1 if there is no collapse."""
        return float(self.collapse_time / self.looks[-1])

    @property
    def gain_by_collapse(self) -> float:
        """The part of the gain in accuracy that is there by then.

        0 where nothing is gained, or where there is no collapse that it could come with.
        """
        gain, time = self.right[-1] - self.right[0], self.collapse_time
        if gain <= 0 or time > self.looks[-1]:
            return 0.0
        return float((self.right[self.looks <= time][-1] - self.right[0]) / gain)


@lru_cache(maxsize=1024)
def course(run: Results) -> Course:
    """The course of one run of RL."""
    table = run.select(stage="rl").rollouts().filter(pl.col("temperature") > 0)
    looks = sorted(table["step"].unique())
    parts = [table.filter(pl.col("step") == look) for look in looks]
    right = [part.select(CORRECT.mean()).item() for part in parts]
    most = [max(shares(part).values()) for part in parts]
    return Course(np.array(looks), np.array(most), np.array(right))


def collapse_time(run: Results) -> float:
    """The round of the first look at a policy that has collapsed."""
    return course(run).collapse_time


def between_looks(run: Results) -> float:
    """Rounds from one look to the next, to which the time of a collapse is known."""
    last, before = course(run).looks[:-3:-1]
    return float(last - before)


def drawdown(run: Results) -> float:
    """The largest fall of the mean reward in training, as the mean of some rounds."""
    return largest_fall(_rewards(run))


def fall_of_accuracy(run: Results) -> float:
    """The largest fall of greedy accuracy from an earlier look."""
    table = run.select(stage="rl").rollouts().filter(temperature=0)
    looks = table.group_by("step").agg(right=CORRECT.mean()).sort("step")["right"].to_numpy()
    return _fall(looks)


def reward_at_the_end(run: Results) -> float:
    """The mean reward of the last eighth of the rounds, on problems of training."""
    rewards = _rewards(run)
    return float(rewards[-max(1, len(rewards) // 8) :].mean())


def _rounds(run: Results) -> pl.DataFrame:
    """What every round of RL logged, in order."""
    return run.select(stage="rl").metrics().drop_nulls("reward").sort("step")


def _rewards(run: Results) -> np.ndarray:
    """The mean reward of every round."""
    return _rounds(run)["reward"].to_numpy()


def drawn(run: Results) -> float:
    """Responses of all rounds."""
    return float(_rounds(run)["drawn"].sum())


def learned_from(run: Results) -> float:
    """Responses that updates were made on, as often as they were."""
    rounds = _rounds(run)
    if "epochs" not in rounds.columns:  # in no round was there anything to keep
        return 0.0
    rounds = rounds.with_columns(epochs=pl.col("epochs").fill_null(0))
    return float((rounds["drawn"] * rounds["kept"] * rounds["epochs"]).sum())


def largest_fall(rewards: np.ndarray) -> float:
    """Of the moving mean of rewards from an earlier, higher one; NaN of too few rounds."""
    if len(rewards) <= _SMOOTHED:
        return math.nan
    smooth = np.convolve(rewards, np.full(_SMOOTHED, 1 / _SMOOTHED), mode="valid")
    return _fall(smooth)


def _fall(curve: np.ndarray) -> float:
    """The largest from an earlier, higher point."""
    return float((np.maximum.accumulate(curve) - curve).max())
