"""Decoding with a static cache draws what the sampler draws; off a GPU the graphs are left out."""

import numpy as np
import torch

from hone.bench.graphs import StaticSampler
from hone.core.contracts import SamplingProtocol
from hone.core.random import Stream
from hone.models.config import mistral_style
from hone.models.decoder import Decoder
from hone.sampling.policy import DecoderPolicy
from tests import tiny

GROUP, TOKENS = 3, 40  # more than a block of the sampler's cache


def test_the_same_uniforms_draw_the_same_tokens() -> None:
    decoder, problems = Decoder(mistral_style(5, 32, 2, 64, head_dim=16)), tiny.problems(4)
    decoder.initialise(torch.Generator().manual_seed(0))
    prompts = torch.from_numpy(problems.prompts.tokens)
    static = StaticSampler(decoder, prompts.flip(0), GROUP, TOKENS)
    for seed in (0, 1):  # the second batch finds the first one's columns
        stream = Stream.root(seed)
        rows, samples = np.repeat(np.arange(4), GROUP), np.tile(np.arange(GROUP), 4)
        uniforms = np.stack([stream.uniform(rows, samples, at) for at in range(TOKENS)])
        found = static.draw(prompts, uniforms)
        protocol = SamplingProtocol(TOKENS, GROUP)
        wanted = DecoderPolicy(decoder, eos=-1).respond(problems.prompts, protocol, stream)
        assert (found.numpy() == wanted.tokens.tokens).all()
