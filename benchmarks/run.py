"""Measures every case in a process of its own and writes docs/benchmarks.md."""

import datetime
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from hone.bench import cases
from hone.runs.environment import environment

_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_DTYPES = ("float32", "bfloat16")


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


def training_table(peaks: dict[str, float]) -> list[str]:
    """Next-token training, against a plain loop measured in the same run."""
    plain = {dtype: alone(cases.plain_rate, dtype) for dtype in _DTYPES}
    lines = [
        "| model | dtype | mode | tokens/s | × plain loop | share of GEMM peak |",
        "|---|---|---|---:|---:|---:|",
    ]
    for model in cases.MODELS:
        work = 6 * cases.parameters(cases.MODELS[model])  # operations a token, forward and backward
        for dtype in _DTYPES:
            for compiled in (False, True):
                rate = alone(cases.training_rate, cases.MODELS[model], dtype, compiled)
                lines.append(
                    f"| {model} | {dtype} | {_mode(compiled)} | {rate:,.0f} | "
                    f"{rate / plain[dtype]:.2f} | {rate * work / peaks[dtype] / 1e9:.0%} |"
                )
    plain_words = ", ".join(f"{rate:,.0f} tokens/s in {dtype}" for dtype, rate in plain.items())
    return [*lines, "", f"The plain loop is transformers' GPT-2 of that shape: {plain_words}."]


def grpo_table() -> list[str]:
    """One GRPO step of 32 prompts × 16 full-length responses."""
    lines = [
        "| model | dtype | mode | sampling s | training s | step s |",
        "|---|---|---|---:|---:|---:|",
    ]
    for model in cases.MODELS:
        for dtype in _DTYPES:
            for compiled in (False, True):
                took = alone(cases.grpo_step, cases.MODELS[model], dtype, compiled)
                figures = " | ".join(f"{took[part]:.2f}" for part in ("sample", "train", "step"))
                lines.append(f"| {model} | {dtype} | {_mode(compiled)} | {figures} |")
    return lines


def main() -> None:
    """Measure everything; takes some ten minutes on an otherwise idle machine."""
    peaks = {dtype: alone(cases.gemm_rate, dtype) for dtype in _DTYPES}
    where = environment()
    one = statistics.median(arm_times(1) for _ in range(3))
    two = statistics.median(arm_times(2) for _ in range(3))
    peak_words = ", ".join(f"{rate:.0f} GFLOP/s {dtype}" for dtype, rate in peaks.items())
    page = [
        "# Benchmarks",
        "",
        "Written by `make bench`; never edited.",
        "",
        f"{where['machine']}; {where['cores']} cores; one thread a process; "
        f"code {where['code']}; {datetime.date.today().isoformat()}.",
        f"Measured GEMM peak of one core: {peak_words}.",
        "",
        *(f"- {cases.shape(model)}" for model in cases.MODELS),
        "",
        "Task: parity, d = 20 (prompts of 21 tokens, long responses of 21). Medians.",
        "",
        "## Next-token training",
        "",
        *training_table(peaks),
        "",
        "## A GRPO step: 32 prompts × 16 responses of full length",
        "",
        *grpo_table(),
        "",
        "## Arms in parallel, and memory",
        "",
        "| figure | value |",
        "|---|---:|",
        f"| one arm, one process | {one:.1f} s |",
        f"| two arms, two processes | {two:.1f} s |",
        f"| ratio | {two / one:.2f} |",
        f"| peak memory of a stage's process | {memory():.0f} MiB |",
        "",
    ]
    _PAGE.write_text("\n".join(page))


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
    main()
