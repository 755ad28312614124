"""Measures every case in a process of its own and writes docs/benchmarks.md, section by section.

`python -m benchmarks.run` measures all sections, `python -m benchmarks.run race whole` those two;
the others stay as they were measured. `python -m benchmarks.run cores` races TRL on all cores, too;
they must be idle, so it is measured only where it is named.
"""

import datetime
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from hone.bench import cases
from hone.bench.ladder import Rung
from hone.bench.processes import measured
from hone.bench.race import STEPS, Timed, ratio
from hone.bench.show import raced, threads_on_idle_cores
from hone.runs.environment import environment
from hone.runs.executor import WORKER_ENVIRONMENT

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_DTYPES = ("float32", "bfloat16")
_RACED = {"0.8": STEPS, "10": 2}  # steps timed in a turn by millions of parameters
_TURNS = 3  # of every race: fewer have no spread


def alone(case: Callable[..., Any], *arguments: object) -> Any:
    """The result of a case in a fresh process."""
    return together(case, [arguments])[0]


def together(case: Callable[..., Any], arguments: list[tuple[object, ...]]) -> list[Any]:
    """Results of the same case in as many fresh processes at once."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(arguments), mp_context=spawn, initializer=_one_thread) as pool:
        return list(pool.map(_call, [case] * len(arguments), arguments))


def arm_times(count: int) -> float:
    """Seconds until `count` arms, a process each, have all finished; interpreter start excluded."""
    with tempfile.TemporaryDirectory() as folder:
        return max(together(cases.small_arm, [(Path(folder) / str(i), i) for i in range(count)]))


def memory() -> float:
    """Peak memory, in MiB, of a process that ran one stage."""
    with tempfile.TemporaryDirectory() as folder:
        return alone(_stage_memory, Path(folder) / "stage")


def training() -> Iterator[str]:
    """Next-token training, against a plain loop measured in the same run."""
    yield (
        "Tokens/s of next-token training on batches of 32 long demonstrations; of the GEMM peak, "
        "what the linear layers' own operations are."
    )
    yield ""
    plain = {dtype: alone(cases.plain_rate, dtype) for dtype in _DTYPES}
    peaks = {dtype: alone(cases.gemm_rate, dtype) for dtype in _DTYPES}
    yield "| model | dtype | mode | tokens/s | × plain loop | share of GEMM peak |"
    yield "|---|---|---|---:|---:|---:|"
    for model, config in cases.MODELS.items():
        work = cases.training_work(config)
        for dtype in _DTYPES:
            for compiled in (False, True):
                rate = alone(cases.training_rate, config, dtype, compiled)
                yield (
                    f"| {model} | {dtype} | {_mode(compiled)} | {rate:,.0f} | "
                    f"{rate / plain[dtype]:.2f} | {rate * work / peaks[dtype] / 1e9:.0%} |"
                )
    words = ", ".join(f"{rate:,.0f} tokens/s in {dtype}" for dtype, rate in plain.items())
    yield ""
    yield f"The plain loop is transformers' GPT-2 of that shape: {words}."
    yield ""
    yield from (f"- {cases.shape(model)}" for model in cases.MODELS)


def step() -> Iterator[str]:
    """One GRPO step, sampled and trained, against transformers' `generate`."""
    yield "One GRPO step of 32 prompts × 16 responses of full length."
    yield ""
    yield "| model | dtype | mode | sampling s | training s | step s |"
    yield "|---|---|---|---:|---:|---:|"
    rollouts = {}
    for model, config in cases.MODELS.items():
        for dtype in _DTYPES:
            for compiled in (False, True):
                took = alone(cases.grpo_step, config, dtype, compiled)
                figures = " | ".join(f"{took[part]:.2f}" for part in ("sample", "train", "step"))
                yield f"| {model} | {dtype} | {_mode(compiled)} | {figures} |"
                if model == "Mistral style" and not compiled:
                    rows = cases.PROMPTS * cases.GROUP
                    rollouts[dtype] = rows * cases.TASK.max_tokens / took["sample"]
    yield ""
    yield "Rollouts of the Mistral-style model, tokens/s, beside transformers' `generate`:"
    yield ""
    yield "| dtype | hone | `generate` | × |"
    yield "|---|---:|---:|---:|"
    for dtype, ours in rollouts.items():
        theirs = alone(cases.generate_rate, cases.MODELS["Mistral style"], dtype)
        yield f"| {dtype} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.1f} |"


def profile() -> Iterator[str]:
    """Where the time of a GRPO step goes."""
    yield "Self time of a GRPO step's operations, Mistral style, eager, by PyTorch's profiler."
    for dtype in _DTYPES:
        yield ""
        yield f"| {dtype}: operation | share | calls |"
        yield "|---|---:|---:|"
        for name, share, calls in alone(cases.grpo_profile, cases.MODELS["Mistral style"], dtype):
            yield f"| `{name}` | {share:.0%} | {calls:,} |"


def ladder() -> Iterator[str]:
    """`hone bench`, without compilation."""
    yield (
        "`hone bench`: Mistral-style decoders of several sizes, not compiled; of the GEMM peak, "
        "what the linear layers' own operations in training are."
    )
    yield ""
    yield (
        "| million parameters | dtype | training tokens/s | of GEMM peak | rollout tokens/s | "
        "GRPO step s | log-prob. gap | memory MiB |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for size in cases.LADDER:
        for dtype in _DTYPES:
            rung = Rung(**measured("hone.bench.ladder", size, dtype, "False"))
            yield (
                f"| {rung.million:.2f} | {dtype} | {rung.training:,.0f} | {rung.peak_share:.0%} | "
                f"{rung.rollouts:,.0f} | {rung.step:.2f} | {rung.gap:.1e} | {rung.memory:.0f} |"
            )


def race() -> Iterator[str]:
    """`hone bench --against trl`."""
    yield (
        "`hone bench 0.8 10 --against trl`: seconds of a GRPO step, one thread each, in "
        f"{_TURNS} turns; ratios of medians to TRL's best, and their range over pairs of steps."
    )
    yield from _steps((1,))


def whole() -> Iterator[str]:
    """`hone bench --against trl --whole`."""
    yield (
        "`hone bench 0.8 --against trl --whole`: seconds until 95 % greedy accuracy, from the same "
        f"pretrained model with the same settings, in {_TURNS} turns with a seed each; the time of "
        "evaluations counts for hone only."
    )
    yield from _race({"0.8": raced("0.8", _TURNS, (1,), whole=True)})


def cores() -> Iterator[str]:
    """`hone bench --against trl --all-cores`."""
    threads = threads_on_idle_cores()
    yield (
        "`hone bench 0.8 10 --against trl --all-cores`: the race step by step, with TRL on one "
        "thread and on a thread a core, hone on one."
    )
    yield from _steps(threads)


def arms() -> Iterator[str]:
    """What a second arm costs, and memory."""
    one = statistics.median(arm_times(1) for _ in range(3))
    two = statistics.median(arm_times(2) for _ in range(3))
    yield "| figure | value |"
    yield "|---|---:|"
    yield f"| one arm, one process | {one:.1f} s |"
    yield f"| two arms, two processes | {two:.1f} s |"
    yield f"| ratio | {two / one:.2f} |"
    yield f"| peak memory of a stage's process | {memory():.0f} MiB |"


def linear() -> Iterator[str]:
    """Linear autoregressive models: fits, and a whole threshold plot."""
    yield (
        "Averaged SGD of linear models on parity, 64 samples a step, evaluations left out; and the "
        "threshold plot of `linear_theory` by `hone run`, with all that belongs to it."
    )
    yield ""
    yield "| work | processes | seconds |"
    yield "|---|---:|---:|"
    for d, steps in ((11, 20_000), (50, 6_000)):
        yield f"| a fit, d = {d}, T = {steps:,} | 1 | {alone(cases.linear_fit, d, steps):.1f} |"
    yield f"| 6 values of p, 3 seeds, d = 11, T = 20,000 | 2 | {threshold_plot():.0f} |"


def threshold_plot() -> float:
    """Seconds of a threshold plot of linear models: 6 values of p_cot, 3 seeds, 2 processes."""
    study = ("linear_theory", "experiments=threshold", "sweep=0.1,0.2,0.28,0.36,0.42,0.6")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        program = (sys.executable, "-c", "from hone.cli import main; main()", "run")
        subprocess.run(
            (*program, *study, "--out", folder, "--workers", "2"), check=True, capture_output=True
        )
        return time.perf_counter() - start


SECTIONS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "training": ("Next-token training", training),
    "step": ("A GRPO step", step),
    "profile": ("What bounds a GRPO step", profile),
    "ladder": ("Sizes", ladder),
    "race": ("Against TRL, step by step", race),
    "whole": ("Against TRL, whole runs", whole),
    "cores": ("Against TRL on all cores, step by step", cores),
    "arms": ("Arms in parallel, and memory", arms),
    "linear": ("Linear models", linear),
}
_ONLY_NAMED = ("cores",)


def main(names: list[str]) -> None:
    """Measure the named sections, or the usual ones; each is written as soon as it is measured."""
    os.environ.update(WORKER_ENVIRONMENT)
    for name in names or [name for name in SECTIONS if name not in _ONLY_NAMED]:
        title, section = SECTIONS[name]
        body = "\n".join(section())
        write(title, f"{body}\n\n{_where()}")
        print(f"{name}: written to {PAGE}")


def write(title: str, body: str) -> None:
    """Replace a section of the page, or add it; the rest stays as it is."""
    found = PAGE.read_text().split("\n## ") if PAGE.exists() else []
    sections = dict(part.split("\n", 1) for part in found[1:])
    sections[title] = f"\n{body}\n"
    head = (
        "# Benchmarks\n\nWritten by `make bench`; never edited. Task: parity, d = 20 (prompts of "
        "21 tokens, long responses of 21). Medians; one thread a process unless another number is "
        "named. What was asked for, and what bounds each figure: "
        "[benchmarks.notes.md](benchmarks.notes.md).\n"
    )
    titles = [title for title, _ in SECTIONS.values()]
    kept = [f"\n## {title}\n{sections[title]}" for title in titles if title in sections]
    PAGE.write_text(head + "".join(kept))


def _steps(threads: tuple[int, ...]) -> Iterator[str]:
    yield from _race(
        {
            size: raced(size, _TURNS, threads, whole=False, steps=steps)
            for size, steps in _RACED.items()
        }
    )


def _race(found: dict[str, list[Timed]]) -> Iterator[str]:
    yield ""
    yield (
        "| million parameters | contestant | median s | steps | × faster | range | "
        "tokens a response |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|"
    for size, (slow, *others) in found.items():
        for one in (slow, *others):
            times, low, high = ratio(slow, one)
            yield (
                f"| {size} | {one.name} | {one.median:.2f} | {one.steps:.3g} | {times:.1f} | "
                f"{low:.1f} to {high:.1f} | {one.tokens:.1f} |"
            )


def _where() -> str:
    where = environment()
    peaks = ", ".join(f"{alone(cases.gemm_rate, d):.0f} GFLOP/s {d}" for d in _DTYPES)
    return (
        f"{where['machine']}; {where['cores']} cores; GEMM peak of one core {peaks}; "
        f"code {where['code']}; {datetime.date.today().isoformat()}."
    )


def _mode(compiled: bool) -> str:
    return "compiled" if compiled else "eager"


def _call(case: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
    return case(*arguments)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _stage_memory(folder: Path) -> float:
    cases.small_arm(folder, 0)
    return cases.peak_memory_mib()


if __name__ == "__main__":
    main(sys.argv[1:])
