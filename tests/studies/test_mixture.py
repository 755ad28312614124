"""What the studies of mixtures share: budgets that match, figures, and parity's stages as ever."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.report.style import svg
from hone.studies.rl_after_ntp import mixture_figures
from hone.studies.rl_after_ntp.mixture import (
    mixture,
    steps_of_equal_compute,
    steps_of_equal_samples,
)
from hone.studies.rl_after_ntp.mixture_tables import response_lengths
from hone.studies.rl_after_ntp.parity import Settings, study
from hone.tasks.parity import Parity, parity_mixture
from tests.studies.made_up import Runs, rows

SETTINGS = Settings((), rounds=2, prompts=8, group=4, batch=16, p_cot=0.25, d=11)


def courses(runs: Runs, seeds: int) -> None:
    """Pretraining of two looks, more of it, and two algorithms of two rounds."""
    for seed in range(seeds):
        base = [{"step": step, "sequences": 128 * step, "greedy_accuracy": 0.5} for step in (1, 2)]
        short = pl.concat([rows("short", 0.5, temperature=t) for t in (0.0, 1.0)])
        for arm in ("star", "grpo"):
            runs.add("pretrain", seed, {"evaluation-000002": short}, base, arm,
                     experiment="algorithms")  # fmt: skip
            rounds = [
                {"step": step, "drawn": 64, "greedy_accuracy": 0.5 + step / 4} for step in (1, 2)
            ]
            long = pl.concat([rows("long", 1.0, temperature=t) for t in (0.0, 1.0)])
            tables = {
                f"evaluation-{step:06d}": table.with_columns(step=pl.lit(step))
                for step, table in ((1, short), (2, long))
            }
            runs.add("rl", seed, tables, rounds, arm, experiment="algorithms", algorithm=arm)
        runs.add("more_ntp", seed, {"evaluation-000002": short}, base, "more", experiment="matched")


def test_the_shared_figures_show_a_run(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    courses(runs, seeds=2)
    more = runs.results.select(stage="more_ntp")
    drawings = (
        mixture_figures.accuracy_over_sequences(runs.results, more, {}, (0, 1)),
        mixture_figures.length_over_rounds(runs.results, width=4),
        mixture_figures.algorithms(runs.results, {"chance": 0.5}, (0.4, 1)),
    )
    texts = [svg(drawing) for drawing in drawings if drawing is not None]
    assert len(texts) == len(drawings)
    assert "more next-token prediction" in texts[0]
    assert "GRPO" in texts[2]


def test_lengths_of_a_round_are_shares_of_its_responses(tmp_path: Path) -> None:
    """All short in the first round and all long in the second: one cell each."""
    runs = Runs(tmp_path)
    courses(runs, seeds=2)
    drawing = mixture_figures.length_over_rounds(runs.results, width=1)
    assert drawing is not None
    found = drawing.axes[0].collections[0].get_array()
    assert found is not None
    shares = np.ma.masked_array(found).filled(0.0)
    assert sorted(map(tuple, np.argwhere(shares.reshape(-1, 2) == 1))) == [(1, 0), (11, 1)]
    assert shares.sum() == pytest.approx(2)


def test_lengths_are_given_by_conditions_that_part_the_responses(tmp_path: Path) -> None:
    """Right ones and others, whose mean lengths make that of all; nothing twice."""
    runs = Runs(tmp_path)
    courses(runs, seeds=2)
    table = response_lengths(runs.results)
    assert table is not None
    whole, right, wrong = (
        table[f"before, sampled, {which}"] for which in ("all", "right", "not right")
    )
    assert right["share"] == wrong["share"] == 0.5
    assert right["accuracy"].value == 1  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    assert whole["mean length"].value == 1  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    assert "before, sampled, stopped" not in table  # all of them
    assert "before, sampled, cut off" not in table  # none of them


def test_a_mixture_is_the_tasks_two_strategies() -> None:
    for p_cot in (0.0, 0.25, 1.0):
        assert mixture(Parity(5), p_cot) == parity_mixture(p_cot)
    with pytest.raises(UsageError, match=r"p_cot = 1.5"):
        mixture(Parity(5), 1.5)


def test_as_many_sequences_are_as_many() -> None:
    """2 rounds of 8 × 4 responses are 4 batches of 16."""
    assert steps_of_equal_samples(SETTINGS) == 4
    assert steps_of_equal_samples(SETTINGS, 10) == 40


def test_equal_compute_counts_tokens_by_what_is_done_with_them() -> None:
    """By hand, at d = 11: prompts of 12 tokens, chains of 12 and answers of 2, ends included."""
    sampled_and_trained = 2 * 8 * (12 + 4 * 12)
    of_a_sequence = 12 + 0.25 * 12 + 0.75 * 2
    steps = 4 * sampled_and_trained / (3 * 16 * of_a_sequence)
    assert steps_of_equal_compute(SETTINGS) == int(np.ceil(steps))


def test_paritys_stages_keep_their_identity() -> None:
    """A key that moves makes everybody's finished stages run again: never by the way."""
    nodes = study.plan(study.settings("full", "core"))
    keys = {(node.arm, node.stage): node.key for node in nodes if node.seed == 0}
    assert keys["star", "rl"] == "8ede1f072ed6b0548ff0"
    assert keys["more ntp ×10", "more_ntp"] == "fa1609b6c9c6d3569a7f"
