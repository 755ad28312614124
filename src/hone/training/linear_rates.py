"""How far from right a linear model's probabilities are after so many steps, over all inputs."""

import numpy as np
import polars as pl
from jaxtyping import Float
from scipy.special import expit

from hone.core.random import Stream
from hone.core.stage import Context
from hone.models.linear import LinearModel
from hone.training.linear import load_state, save_state
from hone.training.linear_configs import LinearRates
from hone.training.linear_data import demonstrated
from hone.training.linear_sgd import Fitter

_ALL_BELOW, _SOME = 12, 4096  # d up to which all inputs are looked at, and how many beyond


def measure(config: LinearRates, context: Context) -> None:
    """The stage: a table of probabilities at every look.

    The step size does not know the number of steps, so that the mean of the first T iterates is
    what a run of T steps returns: one run is a run of every length.
    """
    d, sgd, replicas = config.task.d, config.sgd, config.replicas
    source = demonstrated(d, config.p_cot, sgd.batch, replicas, context.stream.child("rates"))
    fitter = Fitter(d, sgd, source, replicas)
    x = inputs(d)
    start = context.resume(lambda folder: load_state(fitter, folder))
    for look in reversed(range(config.looks)):
        step = sgd.steps >> look
        if step <= start:
            continue
        fitter.advance(step)
        found = [probabilities(fitter.model(replica), x) for replica in range(replicas)]
        tables = [table.with_columns(replica=pl.lit(i)) for i, table in enumerate(found)]
        table = pl.concat(tables).with_columns(steps=pl.lit(step), seed=pl.lit(context.seed))
        context.write_table("probabilities", step, table)
        wrong = table.filter(pl.col("quantity") == "token")["mean"].to_numpy()
        context.log(step, sgd.steps, {"wrong_tokens": float(1 - np.mean(wrong))})
        context.checkpoint(step, lambda folder: save_state(fitter, folder))


def inputs(d: int) -> Float[np.ndarray, "rows inputs"]:
    """All inputs where they are few, and some otherwise."""
    if d <= _ALL_BELOW:
        return 2.0 * ((np.arange(2**d)[:, None] >> np.arange(d)) & 1) - 1
    drawn = Stream.root(0).child("inputs").uniform(np.arange(_SOME)[:, None], np.arange(d))
    return np.where(drawn < 0.5, -1.0, 1.0)


def probabilities(model: LinearModel, x: Float[np.ndarray, "rows inputs"]) -> pl.DataFrame:
    """The lowest, highest and mean probability over inputs of what each predictor is to say.

    `first`: y_1 = x_1. `match`, `mismatch`: the end after y_1 = x_1 and after y_1 = -x_1. `token`:
    the right y_l after a right prefix, l its position.
    """
    chain = np.cumprod(x, axis=1)
    values = expit(chain[:, 1:] * model.value_scores(x, chain[:, :-1]))
    found = {
        ("first", 1): expit(x[:, 0] * model.first_scores(x)),
        ("match", 1): expit(model.stop_scores(x, x[:, 0])),
        ("mismatch", 1): expit(model.stop_scores(x, -x[:, 0])),
        **{("token", place): values[:, place - 2] for place in range(2, model.d + 1)},
    }
    rows = [
        {"quantity": name, "position": place, "low": p.min(), "high": p.max(), "mean": p.mean()}
        for (name, place), p in found.items()
    ]
    return pl.DataFrame(rows)
