"""How likely the pretrained model finds what RL comes to sample."""

import re
from functools import lru_cache

import numpy as np
import polars as pl

from hone.measures.accuracy import per_problem
from hone.runs.results import Results
from hone.studies.echo_chamber.measured.comparisons import Credit
from hone.studies.echo_chamber.measured.endings import wins
from hone.studies.echo_chamber.measured.selection import problems_of


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


@lru_cache(maxsize=256)  # claims and a histogram are of the same
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


def invented(run: Results) -> Credit:
    """Credit for a program with a name that its problem does not have.

    Such a program can be as right as any other, and no reward looks at names.
    """

    def credit(table: pl.DataFrame) -> pl.DataFrame:
        programs = table.filter(strategy="program")
        problems = problems_of(run, programs)
        written = programs.select("problem_id", "response_text").iter_rows()
        new = [invents(program, problems[id]) for id, program in written]
        named = programs.with_columns(new=pl.Series(new, dtype=pl.Boolean))
        return per_problem(named, pl.col("new").mean())

    return credit


def invents(program: str, problem: str) -> bool:
    """Whether a program assigns to a name that is no word of the problem."""
    return not set(_WORD.findall(problem)).issuperset(_ASSIGNED.findall(program))


_WORD, _ASSIGNED = re.compile(r"\w+"), re.compile(r"^ *(\w+) = ", re.MULTILINE)
