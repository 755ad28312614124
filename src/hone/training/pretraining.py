"""Next-token prediction on whole documents of a mixture of sources, from scratch."""

from functools import partial

import numpy as np

from hone.core.contracts import Batch, Corpus, Documents, Policy, Responses
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.stage import Context
from hone.training.configs import Pretrain
from hone.training.diverging import batch_saved
from hone.training.evaluation import Evaluator
from hone.training.policies import fresh_decoder
from hone.training.supervised import next_token_learner
from hone.training.supervised_data import fitted_table, to_fit


def pretrain(config: Pretrain, context: Context) -> None:
    """The `pretrain` stage: train, watch the loss of every source, evaluate, checkpoint."""
    learner = next_token_learner(fresh_decoder(config.model, context.stream), config)
    evaluator = Evaluator(config.task, config.evaluation, config.steps, context)
    streams = context.stream.child("pretrain")
    documents = streams.child("documents")
    for step in range(context.resume(learner.load) + 1, config.steps + 1):
        numbers = np.arange((step - 1) * config.batch, step * config.batch)
        batch = as_batch(config.corpus.documents("train", numbers, documents))
        with batch_saved(context, step, partial(fitted_table, batch), config.optimizer.lr):
            metrics = learner.update(batch, streams.child("order", step))
        del metrics["logprob_gap"]  # documents were sampled from no policy
        metrics["sequences"] = step * config.batch
        found = evaluator.figures(learner.policy, step)
        if found:
            found |= losses(learner.policy, config.corpus, config.evaluation.problems)
        context.log(step, config.steps, metrics | found)
        context.checkpoint(step, learner.save)
    context.complete(learner.save)


def as_batch(documents: Documents) -> Batch:
    """Every document as a response to its first token."""
    first, rest = _split(documents)
    width = rest.tokens.shape[1]
    return to_fit(first, np.arange(len(rest)), rest, width)


def losses(policy: Policy, corpus: Corpus, n: int) -> dict[str, float]:
    """Nats a token of every source, on documents that are held out."""
    held_out = corpus.documents("validation", np.arange(n), Stream.root(0).child("held out"))
    first, rest = _split(held_out)
    blank = np.zeros(rest.tokens.shape, dtype=np.float32)
    given = Responses(rest, blank, np.ones(len(rest), dtype=bool), samples=1)
    scored = np.where(rest.mask, policy.score(first, given, 1.0), 0.0)
    return {
        f"loss_{name}": -float(scored[rows].sum() / rest.lengths[rows].sum())
        for name in corpus.names
        if (rows := held_out.sources == name).any()
    }


def _split(documents: Documents) -> tuple[Sequences, Sequences]:
    """The first token of every document, and what follows."""
    tokens, lengths = documents.tokens.tokens, documents.tokens.lengths
    return Sequences(tokens[:, :1], np.ones_like(lengths)), Sequences(tokens[:, 1:], lengths - 1)
