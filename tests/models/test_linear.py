"""The linear model: what it can and cannot see, and its folder."""

from pathlib import Path

import numpy as np
import pytest

from hone.core.errors import DamagedFile
from hone.models import linear
from hone.models.linear import LinearModel, causal
from hone.tasks.parity import Parity

D = 5


def model(seed: int = 0, d: int = D) -> LinearModel:
    """Random weights wherever there are any."""
    draw = np.random.default_rng(seed).normal
    chain = draw(size=(3 * d - 1, d - 1)) * causal(d)
    return LinearModel(
        draw(size=d), draw(size=2 * d + 2), chain[: 2 * d - 1].copy(), chain[2 * d - 1 :].copy()
    )


def signs(rows: int, columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=(rows, columns))


def test_every_position_at_once_is_the_definition_position_by_position() -> None:
    """φ_l = [x, y_1 … y_{l-1}, y_{l-1} x], a weight each."""
    made, x, y = model(), signs(20, D), signs(20, D - 1, seed=2)
    found = made.value_scores(x, y)
    for place in range(2, D + 1):
        before = y[:, : place - 1]
        features = np.concatenate([x, before, before[:, -1:] * x], axis=1)
        column = place - 2
        weights = [made.plain[:D, column], made.plain[D : D + place - 1, column],
                   made.product[:, column]]  # fmt: skip
        assert features.shape[1] == 2 * D + place - 1
        np.testing.assert_allclose(found[:, column], features @ np.concatenate(weights))


def test_no_output_sees_itself_or_what_comes_after_it() -> None:
    made, x, y = model(), signs(20, D), signs(20, D - 1, seed=2)
    for place in range(1, D):  # y_place turned round
        other = y.copy()
        other[:, place - 1] *= -1
        same = made.value_scores(x, y) == made.value_scores(x, other)
        assert same[:, : place - 1].all()
        assert not same[:, place - 1 :].all(axis=0).any()


def test_a_folder_gives_back_the_model_to_the_bit(tmp_path: Path) -> None:
    linear.save(model(), tmp_path, Parity(D).alphabet)
    loaded = linear.load(tmp_path)
    for name in ("first", "stop", "plain", "product"):
        assert np.array_equal(getattr(loaded, name), getattr(model(), name))
    assert linear.is_linear(tmp_path)


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    linear.save(model(), tmp_path, Parity(D).alphabet)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8])
    with pytest.raises(DamagedFile, match=r"model\.safetensors is missing or damaged"):
        linear.load(tmp_path)
    linear.save(model(d=4), tmp_path / "other", Parity(4).alphabet)
    weights.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(DamagedFile, match="d = 5"):
        linear.load(tmp_path)
