"""Statistics of responses and of runs: formats, what became of variety, when a policy collapsed."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.core.vocabulary import OTHER, Finish
from hone.measures.accuracy import CORRECT, majority_credits, pass_credits, per_problem, usable
from hone.measures.decomposition import Decomposition, decompose
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.runs import Credit, responses
from hone.tasks.word_problems.formats import FORMATS

NAMES = tuple(each.name for each in FORMATS)
FREE: dict[str, Factor] = {"experiment": "collapse", "kl": 0.0}
"""The balanced mixture without a KL penalty."""
GENTLE: dict[str, Factor] = {"experiment": "gentle"}
"""The same at a third of the learning rate."""
RARE = 0.05  # share of a format below which its accuracy is not compared
COLLAPSED = 0.9  # share of a format from which a policy counts as collapsed onto it
_SMOOTHED = 5  # rounds of which the mean reward is taken where falls are looked for


def right(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for being right, at the temperature that responses before and after RL have."""
    rows, _ = usable(table, "accuracy", ("problem_id", "grade"))
    return per_problem(rows, CORRECT.mean())


def passed(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a right answer among all samples: pass@k for the largest k there is."""
    return pass_credits(table, samples(table))[0]


def agreed(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a right majority among all samples."""
    return majority_credits(table, samples(table))[0]


def of_format(name: str) -> Credit:
    """Credit for answering in a format."""
    return lambda table: per_problem(table, (pl.col("strategy") == name).mean())


def of_winner(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for answering in the format of most responses."""
    return of_format(winner(table))(table)


def samples(table: pl.DataFrame) -> int:
    """Responses that every problem has, in one run."""
    most = table["sample"].max()
    assert isinstance(most, int)
    return most + 1


def shares(table: pl.DataFrame) -> dict[str, float]:
    """The share of every format in responses, in an order that sums and ties can rely on."""
    counts = table["strategy"].value_counts(normalize=True).sort("strategy")
    return dict(counts.iter_rows())


def formats_of(table: pl.DataFrame) -> list[str]:
    """The formats that occur, those of the paper first and `other` last."""
    known = {name: place for place, name in enumerate((*NAMES, OTHER))}
    found = table["strategy"].unique().to_list()
    return sorted(found, key=lambda name: (name == OTHER, known.get(name, len(known)), name))


def entropy(table: pl.DataFrame) -> float:
    """Of the format, in nats."""
    found = np.array(list(shares(table).values()))
    return float(-(found * np.log(found)).sum())


def winner(table: pl.DataFrame) -> str:
    """The format of most responses."""
    found = shares(table)
    return max(found, key=found.__getitem__)


def most_accurate(table: pl.DataFrame) -> str:
    """The format whose responses are most often right."""
    given = table.group_by("strategy").agg(right=CORRECT.mean(), share=pl.len() / table.height)
    return given.filter(pl.col("share") >= RARE).sort("right")["strategy"][-1]


def after(value: Callable[[pl.DataFrame], float]) -> Callable[[Results], float]:
    """A number of a run's responses after RL."""
    return lambda run: value(responses(run, "after"))


def wins(run: Results) -> str:
    """The format that a run ends in."""
    return winner(responses(run, "after"))


def ends_in(format: str) -> Callable[[Results], bool]:
    """Whether a run ends in a format."""
    return lambda run: wins(run) == format


def right_before(format: str) -> Callable[[Results], float]:
    """How often a run's responses in a format were right before RL; NaN where there are none."""

    def value(run: Results) -> float:
        grades = responses(run, "before").filter(strategy=format).select(CORRECT)
        return float(grades.to_numpy().mean()) if len(grades) else math.nan

    return value


def most_accurate_wins(run: Results) -> bool:
    """Whether it is the format that was right most often before RL."""
    return wins(run) == most_accurate(responses(run, "before"))


def length_ratio(run: Results, problems: str, format: str) -> float:
    """Mean tokens of responses in a format after RL over those before it; NaN where it is missing.

    Formats differ in length: over all of them the ratio would tell which of them is left.
    """
    last, first = (
        _tokens(responses(run, f"{problems} {when}").filter(strategy=format))
        for when in ("after", "before")
    )
    return last / first


def _tokens(table: pl.DataFrame) -> float:
    """The mean length of responses; NaN of none."""
    lengths = table["response_ids"].list.len().to_numpy()
    return float(lengths.mean()) if len(lengths) else math.nan


def cut_short(table: pl.DataFrame) -> pl.DataFrame:
    """Credit for a finished response of fewer quantities than its problem's chain of d steps has.

    That is d + 1, the first of which is no equation in sentences.
    """
    ended = table.filter(pl.col("strategy").is_in(NAMES), finish=Finish.STOP.value)
    equations = pl.col("response_text").str.count_matches(" = ", literal=True)
    quantities = equations + (pl.col("strategy") == "text")
    return per_problem(ended, (quantities <= pl.col("difficulty")).mean())


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
    return float((np.maximum.accumulate(smooth) - smooth).max())


def decomposition(runs: Results) -> Decomposition:
    """What a change by RL is made of, formats being the strategies."""
    before, after = (responses(runs, when) for when in ("before", "after"))
    return decompose(before, after, _forced(runs, "before"), _forced(runs, "after"))


def _forced(runs: Results, when: str) -> pl.DataFrame | None:
    """Responses forced into each format; None where no stage has any."""
    stages = {each.stage for each in runs.stages if each.stage.startswith(f"{when} ")}
    tables = [responses(runs, stage) for stage in sorted(stages)]
    return pl.concat(tables) if tables else None


def chosen_and_refined(run: Results) -> tuple[float, float]:
    """What other formats are worth at the accuracies before RL, Σ Δs·a, and the rest, Σ s·Δa.

    The former has what choosing by problem is worth, Δ Σ s·(a - f), with it. The latter is what is
    done better in the formats that are left, with the shares after RL. Midpoints would charge the
    winner's share with what RL forgets of formats that it gives up: by the end nobody asks for
    them, and their forced accuracy is near 0.
    """
    found = decomposition(run)
    half = found.interaction.value / 2
    by_problem = found.within.value if found.within else 0.0
    return found.selection.value - half + by_problem, found.improvement.value + half


def choosing(run: Results) -> float:
    """What other formats are worth."""
    return chosen_and_refined(run)[0]


def refining(run: Results) -> float:
    """What is done better in the formats that are left."""
    return chosen_and_refined(run)[1]


def choosing_more(run: Results) -> float:
    """What choosing other formats gains beyond what refining does."""
    chosen, refined = chosen_and_refined(run)
    return chosen - refined


def known_from_problems(run: Results) -> float:
    """How far off the parts of a run's change may be, by its problems alone."""
    found = decomposition(run)
    parts = (found.selection, found.improvement, found.within)
    ends = [part.interval for part in parts if part and part.interval]
    return max(((high - low) / 2 for low, high in ends), default=math.nan)


def with_divergence(run: Results, last: bool) -> pl.DataFrame:
    """Responses of RL's first or last round, each with its log-ratio to the pretrained model, `k1`.

    Problems that were drawn twice in the round are left out, as their responses cannot be told
    apart.
    """
    scores = run.select(stage="drift").rollouts("scores")
    step = scores["step"].max() if last else scores["step"].min()
    index = ["problem_id", "sample"]
    rows = run.select(stage="rl").rollouts("train", steps=(int(str(step)),))
    ratio = scores.filter(pl.col("step") == step).group_by(index).agg(pl.col("k1").sum())
    return rows.filter(pl.len().over(index) == 1).join(ratio, on=index, maintain_order="left")


def base_logprobs(run: Results, last: bool, format: str | None = None) -> np.ndarray:
    """Mean log-probability a token under the pretrained model, of responses of one RL round."""
    rows = with_divergence(run, last)
    rows = rows if format is None else rows.filter(strategy=format)
    own, tokens = rows["logprobs"].list.sum(), rows["logprobs"].list.len()
    return ((own - rows["k1"]) / tokens).to_numpy()


def likelier(run: Results, within: bool = False) -> float:
    """How much likelier under the pretrained model samples are in RL's last round than its first.

    In nats a token; `within`, of responses in the format that the run ends in.
    """
    format = wins(run) if within else None
    last, first = (base_logprobs(run, each, format).mean() for each in (True, False))
    return float(last - first)


def typical(run: Results) -> float:
    """The share of samples of RL's last round that are as likely as all but 5 % of its first's.

    Per token, under the pretrained model: 0.95 where RL leaves likelihoods as they are.
    """
    last, first = (base_logprobs(run, each) for each in (True, False))
    return float((last >= np.quantile(first, 0.05)).mean())
