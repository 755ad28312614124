"""TRL's `GRPOTrainer` on a checkpoint of ours, timed step by step; run in a process of its own.

`python -m hone.bench.trl_steps CHECKPOINT DTYPE DEVICE THREADS MICRO_BATCH STEPS LEVEL REWARD SEED`
prints the seconds of each step as JSON. It stops early where LEVEL is below 1 and greedy accuracy
has reached it; the evaluations are not timed. Objective and reward are those of our runs: the task
reads and pays TRL's completions as it does ours.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from hone.bench.cases import GROUP, PROMPTS, greedy_accuracy
from hone.bench.contest import EVERY, LEARNING_RATE, REWARDS, TRL_OBJECTIVE, earned, task_of
from hone.core.random import Stream
from hone.models import checkpoint


class Clock(TrainerCallback):
    """Times steps, and ends the run once the level is reached."""

    def __init__(self, level: float, scratch: Path) -> None:
        self.seconds: list[float] = []
        self.accuracies: dict[int, float] = {}
        self.level, self.scratch = level, scratch

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.start = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if others["model"].device.type == "cuda":
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self.start)
        if self.level < 1 and state.global_step % EVERY == 0:
            others["model"].save_pretrained(self.scratch / "now")
            accuracy = greedy_accuracy(checkpoint.load(self.scratch / "now"))
            self.accuracies[state.global_step] = accuracy
            control.should_training_stop = accuracy >= self.level


def run(
    folder: Path,
    dtype: str,
    device: str,
    micro_batch: int,
    steps: int,
    level: float,
    reward: str,
    seed: int,
) -> dict[str, Any]:
    """Seconds of every step, mean tokens of a completion, greedy accuracy by step."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportPrivateImportUsage]

    task, stream = task_of(folder), Stream.root(seed)
    problems = task.draw("train", PROMPTS * steps, stream)
    text = [task.alphabet.text(np.array(row)) for row in problems.prompts.lists()]
    rows, lengths = PROMPTS * GROUP, list[int]()

    def rewards(completion_ids: list[list[int]], problem: list[int], **_: Any) -> list[float]:
        drawn = stream.child("reward", len(lengths))
        lengths.extend(map(len, completion_ids))
        asked = problems.select(np.array(problem))
        return earned(task, REWARDS[reward], asked, completion_ids, drawn).tolist()

    with tempfile.TemporaryDirectory() as scratch:
        clock = Clock(level, Path(scratch))
        config = GRPOConfig(
            output_dir=scratch,
            per_device_train_batch_size=micro_batch,
            gradient_accumulation_steps=rows // micro_batch,
            num_generations=GROUP,
            max_completion_length=task.max_tokens,
            max_steps=steps,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            adam_beta2=0.99,
            **TRL_OBJECTIVE,
            seed=seed,
            bf16=False,  # mixed precision; the model itself is in the dtype asked
            gradient_checkpointing=False,
            use_cpu=device == "cpu",
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
            train_dataset=Dataset.from_dict({"prompt": text, "problem": list(range(len(text)))}),
            processing_class=AutoTokenizer.from_pretrained(folder),
            callbacks=[clock],
        )
        trainer.train()
    return {
        "seconds": clock.seconds,
        "tokens": float(np.mean(lengths)),
        "accuracies": clock.accuracies,
    }


if __name__ == "__main__":
    folder, dtype, device, threads, micro_batch, steps, level, reward, seed = sys.argv[1:]
    torch.set_num_threads(int(threads))
    at_most = (int(micro_batch), int(steps), float(level))
    print(json.dumps(run(Path(folder), dtype, device, *at_most, reward, int(seed))))
