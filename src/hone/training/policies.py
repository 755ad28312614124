"""Policies from checkpoint folders and from nothing."""

from pathlib import Path

import torch

from hone.core.contracts import Policy, Task
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.models import checkpoint, linear, lora
from hone.models.config import DecoderConfig, LoRA
from hone.models.decoder import Decoder
from hone.models.tokenizer import describes
from hone.sampling.linear import LinearPolicy
from hone.sampling.policy import DecoderPolicy
from hone.training.configs import Numerics


def fresh_decoder(config: DecoderConfig, stream: Stream) -> Decoder:
    """A decoder with random weights that are a function of the stream."""
    decoder = Decoder(config)
    decoder.initialise(torch.Generator().manual_seed(stream.child("weights").key % 2**63))
    return decoder


def adapted(decoder: Decoder, config: LoRA | None, stream: Stream) -> Decoder:
    """The decoder, with adapters to be trained instead of its weights if there are to be any."""
    if config is not None:
        generator = torch.Generator().manual_seed(stream.child("adapters").key % 2**63)
        lora.adapt(decoder, config, generator)
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
            f"{folder}: vocabulary of {vocab}, but {task.name} has {len(task.alphabet)} tokens"
        )
    written = folder / "tokenizer.json"
    if written.is_file() and not describes(folder, task.alphabet):
        raise UsageError(f"{written} has other tokens, or another order of them, than {task.name}")
    if context < needed:
        raise UsageError(f"{folder}: context of {context}, but {task} needs {needed} tokens")
    return decoder


def load_linear(folder: Path, task: Task) -> LinearPolicy:
    """The linear model of a checkpoint folder as a policy for the task.

    Raises:
        UsageError: it reads other prompts or has other symbols than the task.
        DamagedFile: a file of the folder is missing or cannot be trusted.
    """
    model = linear.load(folder)
    if model.d + 1 != task.prompt_tokens or not describes(folder, task.alphabet):
        raise UsageError(f"{folder} holds a linear model of parity with d = {model.d}, not {task}")
    return LinearPolicy(model, task.alphabet.end)


def load_policy(folder: Path, task: Task, numerics: Numerics | None = None) -> Policy:
    """The checkpoint's model as a policy for the task; a decoder on the CPU in its own dtype."""
    if linear.is_linear(folder):
        return load_linear(folder, task)
    decoder = load_decoder(folder, task)
    if numerics is not None:
        decoder = decoder.to(numerics.device, getattr(torch, numerics.dtype))
    return DecoderPolicy(decoder, task.alphabet.end)
