"""TRL's `GRPOTrainer` on a checkpoint of ours, timed step by step; run in a process of its own.

`python -m hone.bench.trl_steps CHECKPOINT DTYPE THREADS MICRO_BATCH STEPS` prints the seconds of
each step as JSON. The reward is parity's own, so that groups have signal as in our runs.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hone.bench.cases import GROUP, PROMPTS, TASK
from hone.bench.race import LEARNING_RATE
from hone.core.random import Stream


def rewards(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
    """1 where the last value before the end is the parity of the prompt's signs."""
    pairs = zip(prompts, completions, strict=True)
    return [float(_last(completion) == prompt.count("-") % 2) for prompt, completion in pairs]


def _last(completion: str) -> int:
    """1 for a completion that ends in "-", 0 for one in "+", -1 for any other."""
    return {"-": 1, "+": 0}.get(completion.strip()[-1:], -1)


def step_seconds(folder: Path, dtype: str, micro_batch: int, steps: int) -> dict[str, Any]:
    """Seconds of every step after two that warm up, and the mean tokens of a completion."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportPrivateImportUsage]

    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter() - self.start)

    problems = TASK.draw("train", PROMPTS * (steps + 2), Stream.root(0))
    text = [TASK.alphabet.text(np.array(row)) for row in problems.prompts.lists()]
    rows = PROMPTS * GROUP
    with tempfile.TemporaryDirectory() as scratch:
        config = GRPOConfig(
            output_dir=scratch,
            per_device_train_batch_size=micro_batch,
            gradient_accumulation_steps=rows // micro_batch,
            num_generations=GROUP,
            max_completion_length=TASK.max_tokens,
            max_steps=steps + 2,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            beta=0.0,
            bf16=False,  # mixed precision; the model itself is in the dtype asked
            gradient_checkpointing=False,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            shuffle_dataset=False,
        )
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)),
            reward_funcs=rewards,  # pyright: ignore[reportArgumentType]
            args=config,
            train_dataset=Dataset.from_dict({"prompt": text}),
            processing_class=AutoTokenizer.from_pretrained(folder),
            callbacks=[Clock()],
        )
        trainer.train()
        lengths = trainer._metrics["train"].get("completions/mean_length") or [float("nan")]
    return {"seconds": times[2:], "tokens": float(np.mean(lengths))}


if __name__ == "__main__":
    checkpoint, dtype, threads, micro_batch, steps = sys.argv[1:]
    torch.set_num_threads(int(threads))
    print(json.dumps(step_seconds(Path(checkpoint), dtype, int(micro_batch), int(steps))))
