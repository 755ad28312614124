"""A linear autoregressive model as a policy: it answers prompts and scores responses.

Every predictor's score is divided by the temperature (arXiv 2510.11495 §4): sampling is logistic,
greedy decoding takes signs. The tokens 0 and 1 are the signs -1 and +1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from hone.core.contracts import Constraint, Responses, SamplingProtocol
from hone.core.errors import UsageError, require
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models.linear import LinearModel

_MINUS, _PLUS, _END = range(3)  # columns of a distribution
_GREEDY = 2.0**-40
"""The temperature of signs: so small that what has the larger score has all of the probability."""


@dataclass(frozen=True)
class LinearPolicy:
    """A linear model and the token that ends its responses."""

    model: LinearModel
    eos: int

    def respond(
        self,
        prompts: Sequences,
        protocol: SamplingProtocol,
        stream: Stream,
        constraint: Constraint | None = None,
    ) -> Responses:
        """The uniform of a token is keyed by (prompt row, sample, position) of `stream`."""
        require(protocol.top_p == 1, "top_p", protocol.top_p, "1 for a linear model")
        rows = np.repeat(np.arange(len(prompts)), protocol.samples)
        samples = np.tile(np.arange(protocol.samples), len(prompts))
        x, width = self._inputs(prompts)[rows], min(protocol.max_tokens, self.model.d + 1)
        tokens = np.zeros((len(rows), width), dtype=np.int64)
        lengths, y = np.full(len(rows), width), np.zeros((len(rows), self.model.d))
        going = np.arange(len(rows))
        for position in range(width):
            scores = _Scores.at(self.model, position, x[going], y[going])
            free = np.ones(3, dtype=bool)
            allowed = free if constraint is None else self._allowed(constraint, position)
            if protocol.temperature == 0:
                drawn = _restricted(scores.log_probs(_GREEDY), allowed).argmax(axis=1)
            else:
                log_probs = _restricted(scores.log_probs(protocol.temperature), allowed)
                drawn = _inverted(log_probs, stream.uniform(rows[going], samples[going], position))
            tokens[going, position] = np.array([0, 1, self.eos])[drawn]
            ended = drawn == _END
            lengths[going[ended]] = position + 1
            if position < self.model.d:
                y[going, position] = 2.0 * drawn - 1
            going = going[~ended]
        written = Sequences(tokens, lengths).trim()
        stopped = written.tokens[np.arange(len(rows)), lengths - 1] == self.eos
        logprobs = self._logprobs(x, written, protocol.temperature or 1.0, constraint)
        return Responses(written, logprobs, stopped, protocol.samples)

    def score(
        self, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """Log-probabilities of given responses; -inf for tokens that the model never writes."""
        x = self._inputs(prompts)[responses.prompt_rows]
        return self._logprobs(x, responses.tokens, temperature or 1.0, None)

    def tolerance(self, prompts: Sequences, responses: Responses, temperature: float) -> float:
        """Both are float64 sums of some hundred terms; tables keep float32."""
        return 1e-5

    def _inputs(self, prompts: Sequences) -> Float[np.ndarray, "rows inputs"]:
        d = self.model.d
        bits = prompts.tokens[:, :d]
        if not (prompts.lengths == d + 1).all() or (bits > 1).any():
            raise UsageError(
                f"a linear model of d = {d} reads prompts of {d} signs and a separator"
            )
        return 2.0 * bits - 1

    def _allowed(self, constraint: Constraint, position: int) -> Bool[np.ndarray, "3"]:
        if position >= len(constraint.allowed):
            return np.ones(3, dtype=bool)
        return constraint.allowed[position, [0, 1, self.eos]]

    def _logprobs(
        self,
        x: Float[np.ndarray, "rows inputs"],
        responses: Sequences,
        temperature: float,
        constraint: Constraint | None,
    ) -> Float[np.ndarray, "rows time"]:
        """Of every token, all positions at once: what stands before each is given."""
        d, tokens = self.model.d, responses.tokens
        columns = np.full(tokens.shape, -1)
        for column, token in ((_MINUS, 0), (_PLUS, 1), (_END, self.eos)):
            columns[tokens == token] = column
        y = np.zeros((len(x), d))
        given = min(d, tokens.shape[1])
        y[:, :given] = np.where(columns[:, :given] == _PLUS, 1.0, -1.0)
        found = np.full(tokens.shape, -np.inf)
        every = _Scores.of_all(self.model, x, y)
        for position, scores in enumerate(every[: tokens.shape[1]]):
            log_probs = scores.log_probs(temperature)
            if constraint is not None:
                log_probs = _restricted(log_probs, self._allowed(constraint, position))
            column = columns[:, position]
            taken = np.take_along_axis(log_probs, np.maximum(column, 0)[:, None], axis=1)[:, 0]
            found[:, position] = np.where(column >= 0, taken, -np.inf)
        return np.where(responses.mask, found, 0.0)


@dataclass(frozen=True)
class _Scores:
    """What the predictors say at one position; None where one has no say there.

    The value comes without a stop at y_1 and from y_3 on, with one at y_2, and not at all at d + 1,
    where the end is certain.
    """

    value: Float[np.ndarray, " rows"] | None
    stop: Float[np.ndarray, " rows"] | None
    rows: int

    @staticmethod
    def at(
        model: LinearModel,
        position: int,
        x: Float[np.ndarray, "rows inputs"],
        y: Float[np.ndarray, "rows inputs"],
    ) -> "_Scores":
        """At a position counted from 0, where y is known before it."""
        if position == 0:
            return _Scores(model.first_scores(x), None, len(x))
        if position == model.d:
            return _Scores(None, None, len(x))
        column, before = position - 1, y[:, :position]
        d, last = model.d, y[:, position - 1]
        value = x @ model.plain[:d, column] + before @ model.plain[d : d + position, column]
        value += last * (x @ model.product[:, column])
        return _Scores(value, model.stop_scores(x, last) if position == 1 else None, len(x))

    @staticmethod
    def of_all(
        model: LinearModel,
        x: Float[np.ndarray, "rows inputs"],
        y: Float[np.ndarray, "rows inputs"],
    ) -> list["_Scores"]:
        """At every position, where y is known throughout."""
        values, n = model.value_scores(x, y[:, :-1]), len(x)
        chain = [_Scores(values[:, column], None, n) for column in range(1, model.d - 1)]
        second = _Scores(values[:, 0], model.stop_scores(x, y[:, 0]), n)
        return [_Scores(model.first_scores(x), None, n), second, *chain, _Scores(None, None, n)]

    def log_probs(self, temperature: float) -> Float[np.ndarray, "rows 3"]:
        """Of -1, +1 and the end."""
        found = np.full((self.rows, 3), -np.inf)
        if self.value is None:
            found[:, _END] = 0.0
            return found
        found[:, _MINUS] = _log_sigmoid(-self.value / temperature)
        found[:, _PLUS] = _log_sigmoid(self.value / temperature)
        if self.stop is not None:
            found[:, _END] = _log_sigmoid(self.stop / temperature)
            found[:, :_END] += _log_sigmoid(-self.stop / temperature)[:, None]
        return found


def _log_sigmoid(scores: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    return -np.logaddexp(0.0, -scores)


def _restricted(
    log_probs: Float[np.ndarray, "rows 3"], allowed: Bool[np.ndarray, "3"]
) -> Float[np.ndarray, "rows 3"]:
    """The distribution conditioned on allowed tokens."""
    if allowed.all():
        return log_probs
    kept = np.where(allowed, log_probs, -np.inf)
    return kept - np.logaddexp.reduce(kept, axis=1, keepdims=True)


def _inverted(
    log_probs: Float[np.ndarray, "rows 3"], uniforms: Float[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """The column at which the cumulative distribution passes each uniform."""
    cumulative = np.exp(log_probs).cumsum(axis=1)
    return (cumulative <= uniforms[:, None] * cumulative[:, -1:]).sum(axis=1)
