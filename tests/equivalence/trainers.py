"""TRL's trainers on a checkpoint of ours; they are never trained, only asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny

trl = pytest.importorskip("trl", reason="trl is not installed: pip install 'hone-lab[dev]'")

PROMPTS, GROUP = 6, 4
ROWS = PROMPTS * GROUP
TEMPERATURE = 0.9
PROMPT = "+ -"


def trainer_of(folder: Path, kind: str, rewards: Sequence[float | None], **options: Any) -> Any:
    """A trainer of our model that rewards responses as they come."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config, trainer = {
        "grpo": (trl.GRPOConfig, trl.GRPOTrainer),
        "rloo": (trl.RLOOConfig, trl.RLOOTrainer),
    }[kind]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    arguments = config(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=ROWS,
        num_generations=GROUP,
        max_completion_length=tiny.TASK.max_tokens,
        temperature=TEMPERATURE,
        use_cpu=True,
        report_to="none",
        bf16=False,
        gradient_checkpointing=False,
        **options,
    )
    made = trainer(
        model=model,
        reward_funcs=lambda completions, **_: list(rewards),
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": [PROMPT] * ROWS}),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    made.current_gradient_accumulation_steps = 1
    made.model.train()
    return made
