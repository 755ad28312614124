"""Runs of RL and the pretrained models they start from, chosen from the results of a study."""

import numpy as np
import polars as pl

from hone.runs.folder import part_of_config
from hone.runs.plan import Factor
from hone.runs.results import Results

FREE: dict[str, Factor] = {"experiment": "collapse", "kl": 0.0}
"""The balanced mixture without a KL penalty."""
GENTLE: dict[str, Factor] = {"experiment": "gentle"}
"""The same at a third of the learning rate."""
STYLES: dict[str, Factor] = {"experiment": "refinement"}
STYLES_GENTLY: dict[str, Factor] = {"experiment": "gently_refined"}
"""The same at a third of the learning rate."""
CROSSOVER: dict[str, Factor] = {"experiment": "crossover"}
NEAR: dict[str, Factor] = {**CROSSOVER, "unfavourable": 0.0}
FAR: dict[str, Factor] = {**CROSSOVER, "unfavourable": 1.0}
ONE_CORPUS: dict[str, Factor] = {"experiment": "one_corpus"}
"""Nothing else was read: of the paper's own corpora."""
WELL_READ: dict[str, Factor] = {"experiment": "well_read"}


def responses(runs: Results, stage: str) -> pl.DataFrame:
    """What the runs answered in an evaluation stage, by pretrained model."""
    return of_models(runs.select(stage=stage).rollouts(steps=(-1,)))


def problems_of(run: Results, table: pl.DataFrame) -> dict[str, str]:
    """What each problem that a run was asked after RL says, by its id."""
    alphabet = part_of_config(run.select(stage="after").stages[0].folder, "task").alphabet
    asked = table.unique("problem_id").select("problem_id", "prompt_ids").iter_rows()
    return {id: alphabet.text(np.array(prompt)) for id, prompt in asked}


def of_models(table: pl.DataFrame) -> pl.DataFrame:
    """The table with the pretraining seed as its seed."""
    return table.with_columns(seed=pl.col("base"))


def models_of(runs: Results) -> list[int]:
    """The seeds of the pretrained models."""
    return [model for model in runs.factor("base") if isinstance(model, int)]


def each_run(runs: Results) -> list[Results]:
    """The stages of every run of RL: of one pretrained model and one repeat."""
    return [
        runs.select(arm=arm, base=base, repeat=repeat)
        for arm in runs.arms
        for base in runs.select(arm=arm).factor("base")
        for repeat in runs.select(arm=arm, base=base).factor("repeat")
    ]
