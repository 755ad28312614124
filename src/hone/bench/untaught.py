"""`python -m hone.bench.untaught FOLDER CONFIG` makes a decoder of any shape for a race.

CONFIG is a `DecoderConfig` as JSON. The weights are random: a model of billions of parameters is
not taught anything for the sake of a race, and its responses have the full length all the same,
because one token among so many ends them.
"""

import json
import sys
from pathlib import Path

import torch

from hone.bench.cases import TASK
from hone.bench.contest import Babble
from hone.models import checkpoint
from hone.models.config import DecoderConfig
from hone.models.decoder import Decoder


def make(folder: Path, config: DecoderConfig) -> None:
    """A checkpoint with a tokenizer that has as many words as the decoder."""
    decoder = Decoder(config)
    decoder.initialise(torch.Generator().manual_seed(0))
    checkpoint.save(decoder, folder / "checkpoint", Babble(TASK.d, vocab=config.vocab).alphabet)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, config = sys.argv[1:]
    make(Path(folder), DecoderConfig(**json.loads(config)))
    print(json.dumps("made"))
