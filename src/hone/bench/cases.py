"""What is measured; each case is called in a process of its own, on one thread."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from hone.core.contracts import Batch, SamplingProtocol
from hone.core.random import Stream
from hone.core.vocabulary import Grade
from hone.models.config import DecoderConfig, gpt2_style, mistral_style, parameters
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm, grpo, next_token_prediction
from hone.runs.folder import FolderContext
from hone.sampling.policy import DecoderPolicy
from hone.tasks.parity import Parity
from hone.training.configs import Evaluation, Numerics, Optimizer, Supervise
from hone.training.evaluation import evaluation_problems, graded_table
from hone.training.learner import DecoderLearner
from hone.training.linear_configs import LinearSGD
from hone.training.linear_data import demonstrated
from hone.training.linear_sgd import Fitter
from hone.training.supervised import supervise
from hone.training.supervised_data import demonstrations

TASK = Parity(20)
PROMPTS, GROUP = 32, 16
PROBLEMS = 256  # of an evaluation
Dtype = Literal["float32", "bfloat16"]
MODELS = {
    "GPT-2 style": gpt2_style(vocab=5, width=128, layers=4, heads=4, context=64),
    "Mistral style": mistral_style(vocab=5, width=128, layers=4, context=64, head_dim=32),
}
LADDER = {
    "0.1": mistral_style(vocab=5, width=64, layers=2, context=64, head_dim=16),
    "0.8": MODELS["Mistral style"],
    "3": mistral_style(vocab=5, width=256, layers=4, context=64, head_dim=32),
    "10": mistral_style(vocab=5, width=384, layers=6, context=64, head_dim=64),
    "25": mistral_style(vocab=5, width=512, layers=8, context=64, head_dim=64),
}
"""Mistral-style decoders by millions of parameters, about."""
REPEATS = 7


def median_seconds(work: Callable[[int], object], repeats: int = REPEATS) -> float:
    """Median wall time of a piece of work after two rounds of warming up."""
    for i in range(2):
        work(i)
    times = []
    for i in range(repeats):
        start = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def gemm_rate(dtype: str, device: str = "cpu", size: int = 1024) -> float:
    """GFLOP/s of a square product, by the best library a linear layer may use."""
    a, b = (torch.randn(size, size).to(device, getattr(torch, dtype)) for _ in range(2))
    seconds = [median_seconds(lambda _: _finished(a @ b))]
    if device == "cpu" and dtype == "float32" and torch.backends.mkldnn.is_available():
        onednn = torch.ops.mkldnn._linear_pointwise
        seconds.append(median_seconds(lambda _: onednn(a, b, None, "none", [], "")))
    return 2 * size**3 / min(seconds) / 1e9


def _finished(result: torch.Tensor) -> torch.Tensor:
    """The result, once its device has computed it."""
    if result.is_cuda:
        torch.cuda.synchronize()
    return result


def training_rate(config: DecoderConfig, dtype: str, compiled: bool, device: str = "cpu") -> float:
    """Tokens/s of next-token training: batches of 32 long demonstrations, prompts included."""
    made = learner(config, next_token_prediction(), dtype, compiled, device)
    batches = [demonstrations(TASK, (("long", 1.0),), 32, Stream.root(i)) for i in range(REPEATS)]
    seconds = median_seconds(lambda i: made.update(batches[i], Stream.root(i)))
    return 32 * (TASK.prompt_tokens + TASK.max_tokens) / seconds


def training_work(config: DecoderConfig) -> float:
    """Floating-point operations in linear layers, for each token that `training_rate` counts.

    A product of m × k by k × n numbers is 2mkn operations, its backward pass twice as many.
    Counted is what is computed: all layers at every position but that of a response's last token,
    which is only predicted; of the last layer the output projection and the MLP, and then the
    head, only where a response's tokens are predicted. Not counted: attention's own products (10 %
    more at width 64, 1 % at 512), norms, activations, embeddings and the optimizer.
    """
    computed, read = TASK.prompt_tokens + TASK.max_tokens - 1, TASK.max_tokens
    heads, inner = config.heads + 2 * config.kv_heads, 3 if config.mlp == "swiglu" else 2
    qkv = config.width * heads * config.head_dim
    rest = config.width * (config.heads * config.head_dim + inner * config.mlp_width)
    weights = config.layers * computed * qkv + ((config.layers - 1) * computed + read) * rest
    weights += read * config.width * config.vocab
    return 6 * weights / (TASK.prompt_tokens + TASK.max_tokens)


def plain_rate(dtype: str) -> float:
    """Tokens/s of a plain loop over transformers' GPT-2 of the same shape, same batches."""
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = GPT2Config(vocab_size=5, n_positions=64, n_embd=128, n_layer=4, n_head=4,
                       resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)  # fmt: skip
    model = GPT2LMHeadModel(shape).to(getattr(torch, dtype))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    width = TASK.prompt_tokens + TASK.max_tokens
    tokens = torch.randint(0, 5, (32, width))

    def step(_: int) -> None:
        model(tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return 32 * width / median_seconds(step)


def grpo_step(
    config: DecoderConfig, dtype: str, compiled: bool, device: str = "cpu"
) -> dict[str, float]:
    """Seconds to sample and to train one step of 32 prompts × 16 full-length responses."""
    sample, train = _halves(config, dtype, compiled, device)
    batch = sample(0)
    sampling = median_seconds(sample)
    training = median_seconds(lambda _: train(batch))
    return {"sample": sampling, "train": training, "step": sampling + training}


def grpo_profile(
    config: DecoderConfig, dtype: str, shown: int = 12
) -> list[tuple[str, float, int]]:
    """The operations that a GRPO step spends most time in: name, share of all, calls."""
    sample, train = _halves(config, dtype, compiled=False)
    for i in range(2):
        train(sample(i))
    with torch.profiler.profile() as profiled:
        train(sample(2))
    found = profiled.key_averages()
    total = sum(each.self_cpu_time_total for each in found)
    top = sorted(found, key=lambda each: -each.self_cpu_time_total)[:shown]
    return [(each.key, each.self_cpu_time_total / total, each.count) for each in top]


def _halves(
    config: DecoderConfig, dtype: str, compiled: bool, device: str = "cpu"
) -> tuple[Callable[[int], Batch], Callable[[Batch], object]]:
    """A GRPO step's two halves: to sample a batch, and to train on it."""
    made = learner(config, grpo(), dtype, compiled, device)
    unending = DecoderPolicy(made.policy.decoder, eos=-1)
    problems = TASK.draw("train", PROMPTS, Stream.root(0))
    protocol = SamplingProtocol(TASK.max_tokens, GROUP)
    weights = np.random.default_rng(0).normal(size=PROMPTS * GROUP)

    def sample(i: int) -> Batch:
        answers = unending.respond(problems.prompts, protocol, Stream.root(i))
        return Batch(problems.prompts, answers.prompt_rows, answers.tokens, answers.logprobs,
                     weights[:, None], 1.0, TASK.max_tokens)  # fmt: skip

    return sample, lambda batch: made.update(batch, Stream.root(0))


def greedy_accuracy(decoder: Decoder) -> float:
    """Share of validation problems whose greedy answer is right."""
    problems = evaluation_problems(TASK, "validation", PROBLEMS)
    policy = DecoderPolicy(decoder, TASK.alphabet.end)
    protocol = SamplingProtocol(TASK.max_tokens, temperature=0.0)
    answers = policy.respond(problems.prompts, protocol, Stream.root(0))
    table = graded_table(TASK, problems, answers, split="validation", temperature=0.0)
    return float((table["grade"] == Grade.CORRECT).mean())  # pyright: ignore[reportArgumentType]


def generate_rate(
    config: DecoderConfig, dtype: str, device: str = "cpu", cache: str = "dynamic"
) -> float:
    """Tokens/s of transformers' `generate` on as many prompts and tokens as `grpo_step` draws.

    The model is a Mistral of the same shape (biases and tied embeddings aside), the `cache` one of
    its implementations' names.
    """
    from transformers import MistralConfig, MistralForCausalLM

    shape = MistralConfig(vocab_size=config.vocab, hidden_size=config.width,
                          intermediate_size=config.mlp_width, num_hidden_layers=config.layers,
                          num_attention_heads=config.heads, num_key_value_heads=config.kv_heads,
                          head_dim=config.head_dim, max_position_embeddings=config.context,
                          sliding_window=None)  # fmt: skip
    model = MistralForCausalLM(shape).eval()
    torch.nn.Module.to(model, device, getattr(torch, dtype))
    rows = PROMPTS * GROUP
    prompts = torch.randint(0, config.vocab, (rows, TASK.prompt_tokens), device=device)
    options = {"max_new_tokens": TASK.max_tokens, "min_new_tokens": TASK.max_tokens,
               "do_sample": True, "top_k": 0, "pad_token_id": 0, "eos_token_id": 0,
               "cache_implementation": cache,
               "attention_mask": torch.ones_like(prompts)}  # fmt: skip
    with torch.inference_mode():
        generate = model.generate  # pyright: ignore[reportAttributeAccessIssue]
        seconds = median_seconds(lambda _: generate(prompts, **options).cpu(), 3)
    return rows * TASK.max_tokens / seconds


def small_arm(folder: Path, seed: int) -> float:
    """Seconds of 150 steps of a stage in a run folder, as an arm of a study has them."""
    config = Supervise(
        task=TASK,
        mixture=(("long", 0.25), ("short", 0.75)),
        steps=150,
        batch=32,
        optimizer=Optimizer(1e-3),
        evaluation=Evaluation(128, every=150),
        model=MODELS["Mistral style"],
    )
    folder.mkdir(parents=True)
    start = time.perf_counter()
    supervise(config, FolderContext(folder, seed, {}))
    return time.perf_counter() - start


def linear_fit(d: int, steps: int) -> float:
    """Median seconds of a linear model's averaged SGD, 64 samples a step, with its data's draws."""
    sgd = LinearSGD(steps, batch=64, first=1e-3, stop=1e-3, chain=1e-4)

    def fit(seed: int) -> None:
        draw = demonstrated(d, 0.25, sgd.batch, 1, Stream.root(seed))
        Fitter(d, sgd, draw).advance(steps)

    return median_seconds(fit, repeats=3)


def peak_memory_mib() -> float:
    """The largest resident size this process has had."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20


def shape(model: str) -> str:
    """The model in words."""
    config = MODELS[model]
    return (
        f"{model}: {parameters(config) / 1e6:.2f} M parameters, "
        f"width {config.width}, {config.layers} layers"
    )


def learner(
    config: DecoderConfig, algorithm: Algorithm, dtype: str, compiled: bool, device: str = "cpu"
) -> DecoderLearner:
    """A learner on a decoder with random weights."""
    decoder = Decoder(config)
    decoder.initialise(torch.Generator().manual_seed(0))
    numerics = Numerics(dtype, device, compile=compiled)  # pyright: ignore[reportArgumentType]
    return DecoderLearner(decoder, TASK.alphabet, algorithm, Optimizer(1e-4), numerics, 100)
