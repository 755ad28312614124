"""A stage's key changes with everything that determines its result, and with nothing else."""

import json
import os
import subprocess
import sys
from dataclasses import field, fields, is_dataclass, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hone.core.errors import DamagedFile, UsageError
from hone.core.stage import LATER, StageConfig
from hone.models.config import mistral_style
from hone.objectives.algorithms import UntilMatched, grpo, reinforce, star
from hone.objectives.curricula import Adaptive
from hone.objectives.rewards import verified
from hone.runs.keys import describe, rebuild, stage_key
from hone.runs.worker import import_file
from hone.studies.rl_after_ntp.parity import study
from hone.tasks.parity import Parity, parity_mixture
from hone.training.configs import (
    Evaluation,
    Numerics,
    Optimizer,
    PostTrain,
    Replay,
    Respond,
    Supervise,
)
from tests.runs.toy import Toy

SUPERVISE = Supervise(
    Parity(5),
    parity_mixture(0.25),
    10,
    8,
    Optimizer(1e-3),
    Evaluation(8, 5),
    mistral_style(5, 32, 1, 16),
)
POST_TRAIN = PostTrain(
    Parity(5), grpo(), verified("e2e"), 4, 8, 4, Optimizer(1e-3), Evaluation(8, 1)
)
RESPOND = Respond(Parity(5), 8)

CHANGES: list[tuple[StageConfig, dict[str, Any]]] = [
    (SUPERVISE, {"task": Parity(6)}),
    (SUPERVISE, {"task": Parity(5, leap=2)}),
    (SUPERVISE, {"mixture": parity_mixture(0.5)}),
    (SUPERVISE, {"steps": 11}),
    (SUPERVISE, {"batch": 9}),
    (SUPERVISE, {"optimizer": Optimizer(1e-3, warmup=1)}),
    (SUPERVISE, {"evaluation": Evaluation(8, 5, samples=2)}),
    (SUPERVISE, {"model": None}),
    (SUPERVISE, {"numerics": Numerics(micro_batch=8)}),
    (SUPERVISE, {"numerics": Numerics(dtype="bfloat16")}),
    (SUPERVISE, {"learn_prompts": True}),
    (SUPERVISE, {"replay": Replay(Parity(4), parity_mixture(0.5), 2)}),
    (POST_TRAIN, {"algorithm": grpo("sequence_mean")}),
    (POST_TRAIN, {"algorithm": reinforce()}),
    (POST_TRAIN, {"algorithm": star()}),
    (POST_TRAIN, {"algorithm": star(until=UntilMatched("long", 0.1, 8, 2))}),
    (POST_TRAIN, {"reward": verified("cot")}),
    (POST_TRAIN, {"levels": (Parity(5), Parity(6)), "curriculum": Adaptive()}),
    (POST_TRAIN, {"rounds": 5}),
    (POST_TRAIN, {"prompts": 9}),
    (POST_TRAIN, {"group": 5}),
    (POST_TRAIN, {"optimizer": Optimizer(2e-3)}),
    (POST_TRAIN, {"temperature": 0.5}),
    (POST_TRAIN, {"distinct": 16}),
    (RESPOND, {"samples": 2}),
    (RESPOND, {"split": "train"}),
    (RESPOND, {"forced": "long"}),
]


def planned() -> list[StageConfig]:
    """Every different config of the parity study, over all presets and parts."""
    nodes = [
        node
        for parts in study.presets.values()
        for settings in parts.values()
        for node in study.plan(replace(settings, seeds=(0,)))
    ]
    return list({json.dumps(describe(node.config)): node.config for node in nodes}.values())


@pytest.mark.parametrize(("config", "change"), CHANGES)
def test_a_field_that_matters_is_part_of_the_key(
    config: StageConfig, change: dict[str, Any]
) -> None:
    assert stage_key("stage", replace(config, **change), 0, {}) != stage_key("stage", config, 0, {})


def test_every_field_of_our_configs_matters() -> None:
    def unimportant(value: Any) -> list[str]:
        found = [each.name for each in fields(value) if each.metadata.get("semantic") is False]
        below = (getattr(value, each.name) for each in fields(value))
        return found + [name for each in below if is_dataclass(each) for name in unimportant(each)]

    assert not [name for config in planned() for name in unimportant(config)]


def test_a_field_that_does_not_matter_is_not_part_of_the_key() -> None:
    assert stage_key("stage", Toy("a", note="hello"), 0, {}) == stage_key("stage", Toy("a"), 0, {})


def test_a_field_that_comes_later_leaves_finished_stages_as_they_are() -> None:
    """The same config as it was before there was the field, with it, and with it used."""
    as_ever = {"implementation": "tests.runs.toy:carry_out", "version": 1}
    grown = partial(make_dataclass, "Grown", bases=(StageConfig,), namespace=as_ever, frozen=True)
    before = grown([("name", str)])
    after = grown([("name", str), ("pace", int, field(default=1, metadata=LATER))])
    keys = [stage_key("stage", each, 0, {}) for each in (before("a"), after("a"), after("a", 2))]
    assert keys[0] == keys[1] != keys[2]


def test_seed_inputs_and_their_roles_are_part_of_the_key() -> None:
    variants = [
        (0, {}),
        (1, {}),
        (0, {"policy": "a"}),
        (0, {"policy": "b"}),
        (0, {"reference": "a"}),
    ]
    assert len({stage_key("stage", RESPOND, seed, inputs) for seed, inputs in variants}) == len(
        variants
    )


def test_the_order_of_inputs_is_not() -> None:
    one, other = {"policy": "a", "reference": "b"}, {"reference": "b", "policy": "a"}
    assert stage_key("stage", RESPOND, 0, one) == stage_key("stage", RESPOND, 0, other)


def test_a_new_version_of_a_stage_has_a_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage_key("stage", RESPOND, 0, {})
    monkeypatch.setattr(Respond, "version", Respond.version + 1)
    assert stage_key("stage", RESPOND, 0, {}) != before


USER_STAGE = """
from dataclasses import dataclass
from tests.runs.toy import Toy

@dataclass(frozen=True)
class Mine(Toy):
    implementation = "user_mine:carry_out"

def carry_out(config, context):
    return {}
"""


def user_key(file: Path, body: str) -> str:
    """The key of a stage whose implementation is in a file of the user's."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(USER_STAGE.format(body))
    return stage_key("stage", import_file(file).Mine("a"), 0, {})


def test_the_users_own_source_is_part_of_the_key(tmp_path: Path) -> None:
    first = user_key(tmp_path / "a" / "mine.py", "1")
    assert user_key(tmp_path / "b" / "mine.py", "2") != first
    assert user_key(tmp_path / "c" / "mine.py", "1") == first


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(UsageError, match=r"broken\.py cannot be imported: ZeroDivisionError"):
        import_file(tmp_path / "broken.py")
    with pytest.raises(UsageError, match=r"absent\.py does not exist"):
        import_file(tmp_path / "absent.py")


def test_keys_are_the_same_in_every_process() -> None:
    script = (
        "from hone.studies.rl_after_ntp.parity import study\n"
        "for node in study.plan(study.settings('quick', '', ['seeds=0'])): print(node.key)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", script]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    here = [node.key for node in study.plan(study.settings("quick", "", ["seeds=0"]))]
    assert there.stdout.split() == here


def test_a_described_config_can_be_rebuilt() -> None:
    configs = planned()
    assert {type(config) for config in configs} == {Supervise, PostTrain, Respond}
    for config in configs:
        again = rebuild(json.loads(json.dumps(describe(config))))
        assert again == config
        assert stage_key("stage", again, 0, {}) == stage_key("stage", config, 0, {})


def test_only_plain_values_can_be_part_of_a_config() -> None:
    with pytest.raises(TypeError, match="cannot be part of a config"):
        describe(Toy("a", factors={"b": Path()}))  # pyright: ignore


@pytest.mark.parametrize(
    "description",
    [
        {"class": "os:system", "command": "false"},
        {"class": "subprocess:Popen", "args": ["false"]},
        {"class": "hone.nothing:Config"},
        {"class": "hone.tasks.parity:parity_mixture", "p_cot": 0.5},
        {"class": "hone.tasks.parity:Parity", "bits": 3},
        {"class": "hone.tasks.parity:Parity", "d": {"class": "builtins:eval", "source": "1"}},
        {"class": 3},
    ],
    ids=str,
)
def test_a_description_from_elsewhere_cannot_call_anything(description: dict[str, Any]) -> None:
    with pytest.raises(DamagedFile):
        rebuild(description)
