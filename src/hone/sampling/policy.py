"""A decoder as a policy: it answers prompts and scores responses."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from hone.core.contracts import Constraint, Responses, SamplingProtocol, joined_responses
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models.decoder import Decoder
from hone.sampling.sampler import sample
from hone.sampling.scoring import in_parts, response_logprobs

_SAMPLED_AT_ONCE = 1024  # rows; bounds the memory of the cache


@dataclass(frozen=True)
class DecoderPolicy:
    """A decoder and the token that ends its responses."""

    decoder: Decoder
    eos: int

    def respond(
        self,
        prompts: Sequences,
        protocol: SamplingProtocol,
        stream: Stream,
        constraint: Constraint | None = None,
    ) -> Responses:
        at_once = max(1, _SAMPLED_AT_ONCE // protocol.samples)
        parts = [
            sample(self.decoder, prompts, rows, protocol, self.eos, stream, constraint)
            for rows in np.array_split(np.arange(len(prompts)), math.ceil(len(prompts) / at_once))
        ]
        return joined_responses(parts)

    def score(
        self, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """Log-probabilities of given responses; 0 beyond a response's length."""

        def logprobs(rows: np.ndarray, part: Sequences) -> torch.Tensor:
            prompt_rows = responses.prompt_rows[rows]
            return response_logprobs(self.decoder, prompts, prompt_rows, part, temperature)

        return in_parts(responses.tokens, logprobs).astype(np.float32)

    def tolerance(self, prompts: Sequences, responses: Responses, temperature: float) -> float:
        """1e-5, or ten times the measured rounding where that is more.

        Rounding is the float32 error against float64 on the first rows; sharp distributions have
        large logits and so more of it. bfloat16 has no bound worth asserting: its gap is logged
        and the ratio of the surrogate corrects for it.
        """
        if next(self.decoder.parameters()).dtype == torch.bfloat16:
            return math.inf
        return max(1e-5, 10 * self._rounding(prompts, responses, temperature))

    def _rounding(self, prompts: Sequences, responses: Responses, temperature: float) -> float:
        part = slice(0, min(64, len(responses.tokens)))
        rows, sequences = responses.prompt_rows[part], responses.tokens.select(part)
        exact = copy.deepcopy(self.decoder).double()
        with torch.inference_mode():
            gaps = [
                response_logprobs(decoder, prompts, rows, sequences, temperature).double()
                for decoder in (self.decoder, exact)
            ]
        return float((gaps[0] - gaps[1]).abs().max())
