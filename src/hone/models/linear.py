"""A chain of linear predictors, one for each output and one for the end (arXiv 2510.11495 §4).

The class of the paper's theorems, H_1 × H_2a × H_2 × … × H_d, after the linear autoregressive
models of arXiv 2309.06979. Inputs x and outputs y are signs; a score s means a probability
σ(s) = 1 / (1 + e^-s) of +1, and for H_2a of the end.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hone.core.alphabet import Vocabulary
from hone.core.errors import DamagedFile
from hone.core.files import read_object
from hone.models.tokenizer import write_tokenizer

_KIND = "linear_autoregressive"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True)
class LinearModel:
    """The weights of all predictors, in float64.

    Attributes:
        first: of y_1 on x.
        stop: of the end after y_1, on x, y_1, the products y_1·x_j and 1, in this order.
        plain: of y_l, a column each for l = 2 … d, on x and y_1 … y_{d-1}; zero where j ≥ l.
        product: of y_l on the products y_{l-1}·x_j.
    """

    first: Float[np.ndarray, " inputs"]
    stop: Float[np.ndarray, " stop_features"]
    plain: Float[np.ndarray, "plain_features chain"]
    product: Float[np.ndarray, "inputs chain"]

    @staticmethod
    def zeros(d: int) -> "LinearModel":
        """Before any training: every score is 0."""
        shapes = (d,), (2 * d + 2,), (2 * d - 1, d - 1), (d, d - 1)
        return LinearModel(*map(np.zeros, shapes))

    @property
    def d(self) -> int:
        return len(self.first)

    def first_scores(self, x: Float[np.ndarray, "rows inputs"]) -> Float[np.ndarray, " rows"]:
        """Of y_1 = +1."""
        return x @ self.first

    def stop_scores(
        self, x: Float[np.ndarray, "rows inputs"], first: Float[np.ndarray, " rows"]
    ) -> Float[np.ndarray, " rows"]:
        """Of the end after y_1."""
        return stop_features(x, first) @ self.stop

    def value_scores(
        self, x: Float[np.ndarray, "rows inputs"], y: Float[np.ndarray, "rows chain"]
    ) -> Float[np.ndarray, "rows chain"]:
        """Of y_2 … y_d = +1, each on the y before it; y holds y_1 … y_{d-1}."""
        return np.concatenate([x, y], axis=1) @ self.plain + y * (x @ self.product)


def stop_features(
    x: Float[np.ndarray, "*rows inputs"], first: Float[np.ndarray, "*rows"]
) -> Float[np.ndarray, "*rows stop_features"]:
    """What H_2a sees: x, y_1, y_1·x and a constant."""
    y = first[..., None]
    return np.concatenate([x, y, y * x, np.ones_like(y)], axis=-1)


def causal(d: int) -> Bool[np.ndarray, "features chain"]:
    """Which weights on x, y_1 … y_{d-1} and y_{l-1}·x there are: of y_l none on y_l and later."""
    inputs = np.ones((d, d - 1), dtype=bool)
    outputs = np.arange(d - 1)[:, None] <= np.arange(d - 1)
    return np.concatenate([inputs, outputs, inputs])


def save(model: LinearModel, folder: Path, tokenizer: Vocabulary) -> None:
    """Writes a folder that `load` reads; same model, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(asdict(model), folder / _WEIGHTS)
    content = {"model_type": _KIND, "d": model.d}
    (folder / _CONFIG).write_text(json.dumps(content, indent=2) + "\n")
    write_tokenizer(tokenizer, folder)


def is_linear(folder: Path) -> bool:
    """Whether a checkpoint folder holds a linear model."""
    path = folder / _CONFIG
    return path.is_file() and read_object(path).get("model_type") == _KIND


def load(folder: Path) -> LinearModel:
    """The model in a folder.

    Raises:
        DamagedFile: a file is missing, cut short, or holds no linear model; names it.
    """
    d = read_object(folder / _CONFIG, "d")["d"]
    path = folder / _WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedFile(f"{path} is missing or damaged ({error})") from error
    expected = {name: array.shape for name, array in asdict(LinearModel.zeros(d)).items()}
    found = {name: array.shape for name, array in weights.items()}
    if found != expected:
        raise DamagedFile(f"{path} holds {found}, but a linear model of d = {d} has {expected}")
    return LinearModel(**weights)
