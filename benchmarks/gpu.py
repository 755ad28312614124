"""The ladder, a decoder of Qwen2.5-1.5B's shape, and TRL on a GPU: writes docs/benchmarks.gpu.md.

`python -m benchmarks.gpu` measures everything; nothing of it has to be chosen.
"""

import datetime
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.run import alone
from hone.bench import cases
from hone.bench.graphs import StaticSampler
from hone.bench.race import Timed, ratio
from hone.bench.show import raced, raced_untaught
from hone.core.random import Stream
from hone.models.config import DecoderConfig, parameters
from hone.models.decoder import Decoder
from hone.runs.environment import environment

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.gpu.md"
DTYPES = ("float32", "bfloat16")
QWEN_1_5B = DecoderConfig(
    family="qwen2", vocab=151_936, width=1536, layers=28, heads=12, kv_heads=2, head_dim=128,
    mlp_width=8960, context=4096, norm="rms", positions="rotary", mlp="swiglu", qkv_bias=True,
    bias=False, tie=True, rope_theta=1_000_000.0, norm_eps=1e-6,
)  # fmt: skip
MODELS = {**cases.LADDER, "1500": QWEN_1_5B}
_GEMM = 8192  # a GPU's peak needs larger products than a core's
_RACED = ("0.8", "10")
_TURNS, _LARGE_STEPS = 3, 2  # steps timed in a turn of the large model
_TRL_THREADS = 4


def static_rate(config: DecoderConfig, dtype: str, device: str = "cuda") -> float:
    """Tokens/s of rollouts with a static cache, a CUDA graph a position."""
    decoder = Decoder(config).to(device, getattr(torch, dtype))
    decoder.initialise(torch.Generator(device).manual_seed(0))
    rows, tokens = cases.PROMPTS * cases.GROUP, cases.TASK.max_tokens
    problems = cases.TASK.draw("train", cases.PROMPTS, Stream.root(0))
    prompts = torch.from_numpy(problems.prompts.tokens).to(device)
    sampler = StaticSampler(decoder, prompts, cases.GROUP, tokens)
    grid = torch.cartesian_prod(torch.arange(tokens), torch.arange(rows)).numpy()

    def draw(i: int) -> torch.Tensor:
        uniforms = Stream.root(i).uniform(grid[:, 0], grid[:, 1]).reshape(tokens, rows)
        return sampler.draw(prompts, uniforms).cpu()

    return rows * tokens / cases.median_seconds(draw)


def ladder() -> Iterator[str]:
    """Training, rollouts and a GRPO step at every size."""
    yield (
        "| million parameters | dtype | training tokens/s | of GEMM peak | GRPO step s | "
        "rollouts tokens/s: hone | static cache and graphs | `generate` | `generate`, static |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    for config in MODELS.values():
        for dtype in DTYPES:
            yield "| " + " | ".join(_rung(config, dtype)) + " |"


def _rung(config: DecoderConfig, dtype: str) -> Iterator[str]:
    rows = cases.PROMPTS * cases.GROUP
    training = alone(cases.training_rate, config, dtype, False, "cuda")
    peak = alone(cases.gemm_rate, dtype, "cuda", _GEMM)
    step = alone(cases.grpo_step, config, dtype, False, "cuda")
    yield f"{parameters(config) / 1e6:,.2f}"
    yield dtype
    yield f"{training:,.0f}"
    yield f"{cases.training_work(config) * training / peak / 1e9:.0%}"
    yield f"{step['step']:.3f}"
    yield f"{rows * cases.TASK.max_tokens / step['sample']:,.0f}"
    yield f"{alone(static_rate, config, dtype):,.0f}"
    for cache in ("dynamic", "static"):
        yield f"{alone(cases.generate_rate, config, dtype, 'cuda', cache):,.0f}"


def race() -> Iterator[str]:
    """A GRPO step beside TRL's, in turn."""
    yield from _HEAD
    for size in _RACED:
        yield from _rows(size, raced(size, _TURNS, (_TRL_THREADS,), whole=False, device="cuda"))


def large_race(
    size: str = "1500", config: DecoderConfig = QWEN_1_5B, device: str = "cuda"
) -> Iterator[str]:
    """The same with a decoder that is too large to be taught for it."""
    yield (
        "From random weights, with which nearly all responses have the full length. Infinite is "
        "what does not fit into memory."
    )
    yield ""
    yield from _HEAD
    threads = _TRL_THREADS if device == "cuda" else 1
    yield from _rows(size, raced_untaught(config, _TURNS, (threads,), device, _LARGE_STEPS))


_HEAD = (
    "| million parameters | contestant | median s | × faster | range | tokens a response |",
    "|---:|---|---:|---:|---:|---:|",
)


def _rows(size: str, found: Sequence[Timed]) -> Iterator[str]:
    for one in found:
        times, low, high = ratio(found[0], one)
        figures = f"{one.median:.3f} | {times:.1f} | {low:.1f} to {high:.1f} | {one.tokens:.1f}"
        yield f"| {size} | {one.name} | {figures} |"


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {
    "Sizes": ladder,
    "Against TRL, step by step": race,
    "Against TRL, 1.5 billion parameters": large_race,
}


def main() -> None:
    """Measure all, and write the page."""
    if not torch.cuda.is_available():
        sys.exit("benchmarks.gpu measures a GPU, and torch finds none here; see `make bench`")
    where = environment()
    parts = [f"## {title}\n\n" + "\n".join(section()) for title, section in SECTIONS.items()]
    device = torch.cuda.get_device_name()
    PAGE.write_text(
        "# Benchmarks on a GPU\n\nWritten by `python -m benchmarks.gpu`; never edited. One GRPO "
        "step: 32 prompts × 16 responses of 21 tokens (parity, d = 20). Medians.\n\n"
        + "\n\n".join(parts)
        + f"\n\n{device}; code {where['code']}; {datetime.date.today().isoformat()}.\n"
    )
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
