"""What is left of an update that came to nothing: the batch, and what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl

from hone.core.errors import Diverged
from hone.core.stage import Context


@contextmanager
def batch_saved(
    context: Context, step: int, batch: Callable[[], pl.DataFrame], lr: float, unit: str = "step"
) -> Iterator[None]:
    """Store the batch of an update that diverges, and name it.

    Raises:
        Diverged: the update did; with the step, the file and the usual cure.
    """
    try:
        yield
    except Diverged as error:
        file = context.write_table("diverged", step, batch())
        raise Diverged(
            f"{unit} {step}: {error}; the batch is in {file}; a lower learning rate than {lr} is "
            "the usual cure"
        ) from error
