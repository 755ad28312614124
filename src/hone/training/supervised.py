"""Next-token prediction on demonstrations, drawn from a mixture of strategies."""

from functools import partial

from hone.core.stage import Context
from hone.models.decoder import Decoder
from hone.objectives.algorithms import next_token_prediction
from hone.training.configs import Pretrain, Supervise
from hone.training.diverging import batch_saved
from hone.training.evaluation import Evaluator
from hone.training.learner import DecoderLearner
from hone.training.policies import adapted, fresh_decoder, load_decoder
from hone.training.supervised_data import Source, fitted_table


def supervise(config: Supervise, context: Context) -> None:
    """The `supervise` stage: train, evaluate, checkpoint."""
    learner = next_token_learner(
        adapted(_decoder(config, context), config.lora, context.stream), config
    )
    evaluator = Evaluator(config.task, config.evaluation, config.steps, context)
    streams = context.stream.child("supervise")
    source = Source.of(config, context.inputs, streams)
    start = context.resume(learner.load)
    if start == 0:
        context.log(0, config.steps, evaluator.figures(learner.policy, 0))
    for step in range(start + 1, config.steps + 1):
        batch = source.batch(step)
        with batch_saved(context, step, partial(fitted_table, batch), config.optimizer.lr):
            metrics = learner.update(batch, streams.child("order", step))
        del metrics["logprob_gap"]  # demonstrations were sampled from no policy
        metrics |= source.spent(step)
        context.log(step, config.steps, metrics | evaluator.figures(learner.policy, step))
        context.checkpoint(step, learner.save)
    context.complete(learner.save)


def next_token_learner(decoder: Decoder, config: Supervise | Pretrain) -> DecoderLearner:
    """A learner of data, with the optimizer and over the steps that the config says."""
    return DecoderLearner(
        decoder,
        config.task.alphabet,
        next_token_prediction(),
        config.optimizer,
        config.numerics,
        total_steps=config.steps,
    )


def _decoder(config: Supervise, context: Context) -> Decoder:
    if config.model is not None:
        return fresh_decoder(config.model, context.stream)
    return load_decoder(context.inputs["policy"] / "checkpoint", config.task)
