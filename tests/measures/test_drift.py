"""Where RL acts, of tables whose divergences are known."""

import math

import polars as pl
import pytest

from hone.measures.drift import by_token, concentration, deciding_share, late, per_token


def scores(decide: float, execute: float, steps: tuple[int, ...] = (0, 100)) -> pl.DataFrame:
    """Two responses a round, of one deciding and ten execution tokens; KL grows with rounds."""
    return pl.DataFrame(
        [
            {"seed": seed, "step": step, "token": token, "k1": kl * n * step / 100, "tokens": n}
            for seed in (1, 2)
            for step in steps
            for _ in range(2)
            for token, kl, n in (("decide", decide, 1), ("execute", execute, 10))
        ]
    )


def test_a_token_is_compared_with_a_token_and_a_part_with_the_whole() -> None:
    table = late(scores(2.0, 0.02))
    assert per_token(table, "decide").value == pytest.approx(2.0)
    assert per_token(table, "execute").value == pytest.approx(0.02)
    assert concentration(table).value == pytest.approx(2.0)
    assert deciding_share(table).value == pytest.approx(2 / 2.2)


def test_only_late_rounds_count() -> None:
    table = scores(2.0, 0.02, steps=(0, 40, 74, 80, 100))
    assert set(late(table)["step"]) == {80, 100}
    assert by_token(table).height == 2 * 5 * 2


def test_a_divergence_that_is_not_positive_has_no_power_of_ten() -> None:
    found = concentration(scores(-0.1, 0.02))
    assert math.isnan(found.value)
    assert found.interval is None
