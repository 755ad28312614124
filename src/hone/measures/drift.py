"""Where in a response training moved a policy: KL to where it began, by what a token does there.

All from tables of the `score` stage: a row a response and kind of token, with `k1`, the log-ratio
summed over its tokens, and `tokens`. By k1 and not k3: of policies far apart k3 is mostly the few
tokens that training made rare, and a single one may outweigh the rest. Responses are to problems of
training, which seeds do not share, so an interval over seeds holds what problems leave open.
"""

import numpy as np
import polars as pl

from hone.core.vocabulary import PositionClass
from hone.measures.estimates import Estimate
from hone.measures.intervals import over_seeds

LATE = 0.75  # of the rounds, from which on they are looked at together
_DECIDE, _EXECUTE = PositionClass.DECIDE.name.lower(), PositionClass.EXECUTE.name.lower()


def by_token(scores: pl.DataFrame) -> pl.DataFrame:
    """A row for each seed, round and kind of token: `kl` summed over all responses, and `tokens`.

    Args:
        scores: needs `seed`, `step`, `token`, `k1` and `tokens`.
    """
    groups = scores.group_by("seed", "step", "token")
    sums = groups.agg(kl=pl.col("k1").sum(), tokens=pl.col("tokens").sum())
    return sums.sort("seed", "step", "token")


def late(scores: pl.DataFrame) -> pl.DataFrame:
    """The scores of the last quarter of the rounds."""
    return scores.filter(pl.col("step") >= LATE * pl.col("step").max())


def per_token(scores: pl.DataFrame, token: str) -> Estimate:
    """KL of one token of a kind, in nats; undefined where there is none."""
    return _over_seeds(scores, _each(token))


def concentration(scores: pl.DataFrame) -> Estimate:
    """KL of a strategy-deciding token over KL of an execution token, in powers of 10.

    Its logarithm, as both span orders of magnitude; undefined where an estimate is not positive.
    """
    ratio = _each(_DECIDE) / _each(_EXECUTE)
    return _over_seeds(scores, pl.when(ratio > 0).then(ratio).otherwise(np.nan).log10())


def deciding_share(scores: pl.DataFrame) -> Estimate:
    """The part of a response's KL that lies on the token that decides its strategy.

    Where hardly anything moved an estimate may be below 0 or above 1.
    """
    part = pl.col("k1").filter(token=_DECIDE).sum() / pl.col("k1").sum()
    return _over_seeds(scores, part)


def _each(token: str) -> pl.Expr:
    """KL of one token of a kind, within a group of scores."""
    return pl.col("k1").filter(token=token).sum() / pl.col("tokens").filter(token=token).sum()


def _over_seeds(scores: pl.DataFrame, value: pl.Expr) -> Estimate:
    each = scores.group_by("seed").agg(value=value).sort("seed")
    return over_seeds(each["value"].to_numpy(), each["seed"].to_list())
