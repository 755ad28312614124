"""Settings from the command line are what their types say, and claims are assessed as declared."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.measures.estimates import Estimate
from hone.measures.verdicts import AtLeast
from hone.runs.results import Results
from hone.studies.registry import find_study, study_names
from hone.studies.rl_after_ntp.parity import Settings as ParitySettings
from hone.studies.rl_after_ntp.parity import study as parity
from hone.studies.settings import keys, written
from hone.studies.study import Claim, Study, assess
from tests.language_models import write_language_model
from tests.studies.corpora import write_corpora


@dataclass(frozen=True)
class Settings:
    """One field of every type that a study may have."""

    whole: int = 1  # of something
    number: float = 1.0
    word: str = "a"
    flag: bool = False
    choice: Literal["one", "two"] = "one"
    level: Literal[1, 2] = 1
    wholes: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    choices: tuple[Literal["one", "two"], ...] = ()
    perhaps: int | None = None


STUDY = Study("toy", "Toy", "-", "-", {"quick": {"": Settings()}}, lambda _: ())
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    "whole": st.integers(),
    "number": FINITE,
    "word": st.text(),
    "flag": st.booleans(),
    "choice": st.sampled_from(["one", "two"]),
    "level": st.sampled_from([1, 2]),
    "wholes": st.lists(st.integers()).map(tuple),
    "numbers": st.lists(FINITE).map(tuple),
    "words": st.lists(st.from_regex(r"[a-z ]+", fullmatch=True)).map(tuple),
    "choices": st.lists(st.sampled_from(["one", "two"])).map(tuple),
    "perhaps": st.none() | st.integers(),
}


@given(st.fixed_dictionaries(VALUES))
def test_what_is_written_is_what_is_set(values: dict[str, Any]) -> None:
    overrides = [f"{name}={written(value)}" for name, value in values.items()]
    assert STUDY.settings("quick", "", overrides) == Settings(**values)


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("whole=1.5", "a whole number"),
        ("whole=", "a whole number"),
        ("number=one", "a finite number"),
        ("number=nan", "a finite number"),
        ("number=-inf", "a finite number"),
        ("flag=yes", "true or false"),
        ("choice=three", "one or two"),
        ("level=3", "1 or 2"),
        ("wholes=1,x", "a whole number"),
        ("choices=one,three", "one or two"),
        ("perhaps=maybe", "a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(override: str, allowed: str) -> None:
    key = override.partition("=")[0]
    with pytest.raises(UsageError, match=rf"^{key} = '.*' is not possible; allowed: {allowed}$"):
        STUDY.settings("quick", "", [override])


@pytest.mark.parametrize("name", [field.name for field in fields(ParitySettings)])
def test_every_setting_of_parity_can_be_written(name: str) -> None:
    settings = parity.settings("quick", "")
    text = written(getattr(settings, name))
    assert parity.settings("quick", "", [f"{name}={text}"]) == settings


def test_keys_are_listed_with_what_they_take_and_where_they_have_which_value() -> None:
    presets = {
        "quick": {"": Settings()},
        "full": {"a": Settings(flag=True), "b": Settings(flag=True, wholes=(1, 2))},
    }
    found = {key.name: key for key in keys(presets)}
    assert list(found) == [field.name for field in fields(Settings)]
    assert found["whole"].values == {"1": ("quick", "full")}
    assert found["flag"].values == {"false": ("quick",), "true": ("full",)}
    assert found["wholes"].values == {"": ("quick", "full a"), "1,2": ("full b",)}
    assert found["whole"].comment == "of something"
    assert found["perhaps"].kind == "a whole number, or none"
    assert found["choice"].kind == "one or two"
    assert found["numbers"].kind == "a finite number, or several: a,b"


@pytest.mark.parametrize(
    "changes",
    [{"seeds": ()}, {"seeds": (1, 1)}, {"experiments": ("both",)},
     {"experiments": ("threshold", "threshold")}],
)  # fmt: skip
def test_a_study_of_experiments_has_known_ones_and_different_seeds(changes: dict) -> None:
    settings = replace(parity.settings("quick", ""), experiments=("threshold",), seeds=(2, 3))
    order = [node.seed for node in parity.plan(settings)]
    assert order == sorted(order)
    with pytest.raises(UsageError, match=r"seeds|experiment"):
        parity.plan(replace(settings, **changes))


@pytest.mark.parametrize("name", study_names())
def test_every_preset_and_part_has_a_plan_without_a_model_being_made(
    name: str, tmp_path: Path
) -> None:
    study, _ = find_study(name)
    for preset, parts in study.presets.items():
        for part in parts:
            settings = replace(study.settings(preset, part), seeds=(0,))
            if isinstance(getattr(settings, "model", None), str):  # a folder of somebody else's
                model = write_language_model(tmp_path / "model")
                settings = replace(settings, model=str(model))
            if preset in ("paper", "checkpoint") and hasattr(settings, "data"):  # and corpora
                model = str(write_language_model(tmp_path / "model", template=None, context=2048))
                data = str(write_corpora(tmp_path / "data"))
                settings = replace(settings, tokenizer=model, model=model, data=data)
            if preset == "paper" and hasattr(settings, "train"):  # or problems with solutions
                data = write_corpora(tmp_path / "data")
                names = {name: str(data / f"gsm8k-{name}.jsonl") for name in ("train", "test")}
                settings = replace(settings, **names)
            nodes = study.plan(settings)
            assert nodes
            # further runs of RL from one model count from the next hundred
            assert all(node.seed % 100 == 0 for node in nodes)


def claim(name: str, estimate: Estimate | None) -> Claim:
    return Claim(name, "-", "It is large.", "mean", AtLeast(0.5), lambda _: estimate)


def test_a_claim_that_the_arms_cannot_speak_to_is_left_out() -> None:
    nothing = Results("toy", ())
    measured = Estimate(0.9, (0.8, 1.0), 0.95, "exact", (0, 1, 2))
    records = assess([claim("silent", None), claim("told", measured)], nothing)
    assert [(each["id"], each["verdict"]) for each in records] == [("told", "reproduced")]
    assert records[0]["interval"] == [0.8, 1.0]


def test_a_value_that_is_no_number_is_stored_as_null() -> None:
    unknown = Estimate(float("nan"), None, 0.95, "none", ())
    (record,) = assess([claim("unknown", unknown)], Results("toy", ()))
    assert (record["measured"], record["interval"]) == (None, None)
