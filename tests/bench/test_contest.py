"""Both contestants are paid alike, and a decoder that was taught nothing can race, too."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu
from hone.bench import hone_steps, untaught
from hone.bench.cases import GROUP, PROMPTS, TASK
from hone.bench.contest import REWARDS, Babble, earned, task_of
from hone.core.random import Stream
from hone.models.config import DecoderConfig
from hone.tasks.parity import EOS, PAD, SEP

QWEN = replace(gpu.QWEN_1_5B, vocab=48, width=32, layers=2, heads=2, kv_heads=1, head_dim=16,
               mlp_width=64, context=64)  # fmt: skip
"""The large model's shape in all that does not make it large."""


def test_trl_is_paid_what_our_loop_pays() -> None:
    problems = TASK.draw("train", 6, Stream.root(3))
    chains = [row[:-1] for row in TASK.demonstrate(problems, "long").lists()]
    completions = [
        [*chains[0], EOS],
        [chains[1][-1], EOS],
        [*chains[2], chains[2][-1]],  # right, but cut off
        [PAD, *chains[3][1:], EOS],  # right, but with what decoding leaves out
        [*chains[4][:-1], SEP, chains[4][-1], EOS],
        [1 - chains[5][-1], EOS],
    ]
    paid = earned(TASK, REWARDS["e2e"], problems, completions, Stream.root(0))
    assert paid.tolist() == [1, 1, 0, 0, 0, 0]


def test_a_coin_pays_whatever_was_written() -> None:
    task = Babble(TASK.d, vocab=QWEN.vocab)
    rows = PROMPTS * GROUP
    problems = task.draw("train", rows, Stream.root(0))
    written = [[47] * task.max_tokens] * rows
    paid = [earned(task, REWARDS["coin"], problems, written, Stream.root(i)) for i in range(2)]
    assert all(0.4 < np.mean(each) < 0.6 for each in paid)
    assert (paid[0] != paid[1]).any(), "each batch is drawn afresh"


def test_an_untaught_decoder_is_timed(tmp_path: Path) -> None:
    config = DecoderConfig(**json.loads(json.dumps(asdict(QWEN))))
    untaught.make(tmp_path, config)
    folder = tmp_path / "checkpoint"
    assert task_of(folder) == Babble(TASK.d, vocab=QWEN.vocab)
    found = hone_steps.run(folder, "float32", "cpu", steps=2, level=1.0, reward="coin", seed=0)
    assert len(found["seconds"]) == 2
    assert 10 < found["tokens"] <= TASK.max_tokens
    assert found["accuracies"] == {}


@pytest.mark.slow
def test_the_large_models_race_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl")
    monkeypatch.setattr(gpu, "_TURNS", 1)
    rows = [row.split(" | ") for row in gpu.large_race("tiny", QWEN, "cpu") if "tiny" in row]
    assert [row[1].split(",")[0] for row in rows] == ["TRL", "TRL", "hone", "hone"]
    for row in rows:
        assert float(row[2]) > 0
        assert float(row[5].strip(" |")) == pytest.approx(TASK.max_tokens, abs=5)
