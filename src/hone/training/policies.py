"""Policies from checkpoint folders and from nothing."""

from pathlib import Path

import torch

from hone.core.contracts import Task
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.models import checkpoint
from hone.models.config import DecoderConfig
from hone.models.decoder import Decoder
from hone.models.tokenizer import read_alphabet
from hone.sampling.policy import DecoderPolicy


def fresh_decoder(config: DecoderConfig, stream: Stream) -> Decoder:
    """A decoder with random weights that are a function of the stream."""
    decoder = Decoder(config)
    decoder.initialise(torch.Generator().manual_seed(stream.child("weights").key % 2**63))
    return decoder


def load_decoder(folder: Path, task: Task) -> Decoder:
    """The decoder of a checkpoint folder, checked against the task that it is to answer.

    Raises:
        UsageError: its vocabulary or context cannot hold the task, or it has other symbols.
        DamagedFile: a file of the folder is missing or cannot be trusted.
    """
    decoder = checkpoint.load(folder)
    vocab, context = decoder.config.vocab, decoder.config.context
    needed = task.prompt_tokens + task.max_tokens
    if vocab != len(task.alphabet):
        raise UsageError(
            f"{folder}: vocabulary of {vocab}, but {task.name} has {len(task.alphabet)} symbols"
        )
    written = folder / "tokenizer.json"
    if written.is_file() and read_alphabet(folder) != task.alphabet:
        raise UsageError(f"{written} has other symbols, or another order of them, than {task.name}")
    if context < needed:
        raise UsageError(f"{folder}: context of {context}, but {task} needs {needed} tokens")
    return decoder


def load_policy(folder: Path, task: Task) -> DecoderPolicy:
    """The checkpoint's decoder as a policy for the task."""
    return DecoderPolicy(load_decoder(folder, task), task.alphabet.id(task.alphabet.eos))
