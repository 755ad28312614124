"""Documents are fit whole, each by itself; what is logged of a source is its own loss."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hone.core.contracts import Documents
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models import checkpoint
from hone.models.config import mistral_style
from hone.models.decoder import Decoder
from hone.objectives.algorithms import next_token_prediction
from hone.sampling.policy import DecoderPolicy
from hone.tasks.parity import Parity
from hone.tasks.word_problems import WordProblems
from hone.tasks.word_problems.corpus import BACKGROUND, Source, WordCorpus
from hone.training.configs import Evaluation, Numerics, Optimizer, Pretrain
from hone.training.learner import DecoderLearner
from hone.training.pretraining import as_batch, losses, pretrain
from tests import tiny
from tests.memory import Memory

TASK = WordProblems(1, 1, 0, operations=("more",))
CORPUS = WordCorpus(TASK, (Source("program", 0.5), Source(BACKGROUND, 0.5)))
MODEL = mistral_style(len(TASK.alphabet), 32, 1, CORPUS.max_tokens, head_dim=16)


def config(steps: int = 6) -> Pretrain:
    return Pretrain(CORPUS, TASK, steps, 8, Optimizer(3e-3), Evaluation(16, steps), MODEL)


def gradient_of(documents: Documents, micro_batch: int | None = None) -> torch.Tensor:
    model = Decoder(MODEL)
    model.initialise(torch.Generator().manual_seed(0))
    learner = DecoderLearner(model, TASK.alphabet, next_token_prediction(), Optimizer(1e-3),
                             Numerics(micro_batch=micro_batch), total_steps=1)  # fmt: skip
    learner.accumulate(as_batch(documents))
    return tiny.gradient(model)


def test_no_document_sees_another() -> None:
    """A batch's gradient is the mean over tokens of its documents' own, however it is cut."""
    drawn = CORPUS.documents("train", np.arange(12), Stream.root(0))
    whole = gradient_of(drawn)
    tokens = drawn.tokens.lengths - 1
    alone = [
        gradient_of(Documents(drawn.tokens.select(np.array([row])).trim(), drawn.sources[[row]]))
        for row in range(12)
    ]
    weighed = sum(n * one for n, one in zip(tokens, alone, strict=True)) / tokens.sum()
    torch.testing.assert_close(whole, weighed, atol=2e-6, rtol=1e-4)
    torch.testing.assert_close(whole, gradient_of(drawn, micro_batch=40), atol=2e-6, rtol=1e-4)


def test_the_loss_of_a_source_is_of_its_documents_alone() -> None:
    model = Decoder(MODEL)
    model.initialise(torch.Generator().manual_seed(0))
    found = losses(DecoderPolicy(model, TASK.alphabet.end), CORPUS, 20)
    held_out = CORPUS.documents("validation", np.arange(20), Stream.root(0).child("held out"))
    for name in CORPUS.names:
        nats, tokens = 0.0, 0
        for row in held_out.tokens.select(held_out.sources == name).lists():
            ids = torch.tensor([row])
            logprobs = torch.log_softmax(model.logits(model(ids)).double(), dim=-1)
            nats -= float(logprobs.detach()[0, :-1].gather(1, ids[0, 1:, None]).sum())
            tokens += len(row) - 1
        assert found[f"loss_{name}"] == pytest.approx(nats / tokens, rel=1e-5)


def test_what_is_read_is_learned_and_nothing_else(tmp_path: Path) -> None:
    context = Memory(tmp_path)
    pretrain(config(200), context)
    last = context.logged[-1]
    assert last["loss_background"] < 2.0
    assert last["loss_program"] < 1.6
    assert last["share_program"] > 0.9 > last["share_tagged"] == 0
    table = context.tables["evaluation", 200]
    assert set(table["strategy"].unique()) <= {"program", "other"}


class Killed(Exception):
    """Someone stopped the run."""


class Interrupted(Memory):
    """A run that is stopped after its third step."""

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None:
        super().checkpoint(step, save)
        if step == 3:
            raise Killed


def test_a_resumed_run_ends_bitwise_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    whole = Memory(tmp_path / "whole")
    pretrain(config(), whole)
    with pytest.raises(Killed):
        pretrain(config(), Interrupted(tmp_path / "parts"))
    rest = Memory(tmp_path / "parts", resumed_at=3)
    pretrain(config(), rest)
    first, second = (checkpoint.load(tmp_path / name).state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert rest.logged == whole.logged[3:]
    assert rest.tables.keys() == whole.tables.keys()


def test_a_corpus_of_another_alphabet_is_refused() -> None:
    with pytest.raises(UsageError, match="documents in parity's alphabet"):
        Pretrain(CORPUS, Parity(4), 1, 8, Optimizer(1e-3), Evaluation(8, 1), MODEL)


def test_the_first_token_is_given() -> None:
    tokens = Sequences(np.array([[5, 6, 7], [5, 8, 0]]), np.array([3, 2]))
    batch = as_batch(Documents(tokens, np.array(["a", "b"])))
    assert batch.prompts.lists() == [[5], [5]]
    assert batch.responses.lists() == [[6, 7], [8]]
