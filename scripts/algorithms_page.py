"""Writes docs/algorithms.md from the code: `make docs`. A test holds the page to the code."""

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from hone.objectives import credit, divergence, losses
from hone.objectives.algorithms import (
    ALGORITHMS,
    Algorithm,
    Baseline,
    BatchBaseline,
    Schedule,
)

PAGE = Path(__file__).parent.parent / "docs" / "algorithms.md"

FORMULAS: dict[type, str] = {
    credit.RewardAsWeight: "A = r",
    credit.GroupMean: "A = r − mean(group)",
    credit.LeaveOneOut: "A = r − mean(others of the group)",
    credit.RunningMean: "A = r − b, b ← d·b + (1 − d)·mean(batch)",
    credit.GroupNormalised: "A = (r − mean(group)) / (std(group) + ε)",
    credit.BatchNormalised: "A = a / (std(batch of a) + ε), a = r − mean(group)",
    credit.GeneralisedAdvantage: "Aₜ = Σₗ (γλ)ˡ (rₜ₊ₗ + γVₜ₊ₗ₊₁ − Vₜ₊ₗ), normalised",
    credit.ReturnToGo: "Aₜ = Σₗ γˡ rₜ₊ₗ, normalised",
    losses.WeightedLikelihood: "−A log π",
    losses.ClippedSurrogate: "−min(ρA, clip(ρ, 1 − low, 1 + high)·A)",
}

ELSEWHERE: dict[str, tuple[str, str, str]] = {
    "ppo": (
        "left the main package; GRPO and RLOO remain",
        "λ = 1; values clipped at 0.5; dual clip at ρ = 3; KL off (in the reward: k1)",
        "λ = 1; values clipped at 0.5; critic's rate 9 × the policy's; k1 in the reward, β = 0.01",
    ),
    "grpo": (
        "the same (`loss_type=dapo`, ε 1e-4); a KL in the loss is k3 times the ratio",
        "token mean; ε 1e-6; dual clip at ρ = 3; a KL in the loss is plain k3",
        "`group_norm`: ε 1e-9; k1 in the reward, β = 0.01",
    ),
    "dr_grpo": (
        "`loss_type=dr_grpo`, and `scale_rewards` must be turned off besides",
        "two settings: no std, `seq-mean-token-sum-norm`",
        "`dr_grpo` is the credit alone; k1 in the reward, β = 0.01",
    ),
    "dapo": (
        "the token mean alone is the default; clip-higher and overlong filtering are options; no "
        "dynamic sampling",
        "clip-higher and group filtering are options; no limit to the draws",
        "clip-higher and dynamic filtering are options",
    ),
    "gspo": (
        "`importance_sampling_level=sequence`; the clip stays 0.2 unless set",
        "a loss mode; the clip stays 0.2 unless set",
        "`policy_loss_type=gspo`; the clip stays 0.2 unless set",
    ),
    "rloo": (
        "the same loss; k1 in the reward, β = 0.05",
        "the credit; ratio of a token, token mean",
        "the credit; ratio of a token; k1 in the reward, β = 0.01",
    ),
    "reinforce": ("–", "–", "`reinforce` is REINFORCE++"),
    "reinforce_pp": (
        "–",
        "both forms",
        "both forms (`reinforce`, `reinforce_baseline`); k1 in the reward, β = 0.01",
    ),
    "expert_iteration": ("–", "–", "–"),
    "star": ("–", "–", "–"),
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Algorithms",
            "",
            "Written by `make docs` from `hone.objectives`; never edited.",
            "",
            "An algorithm is a value: **credit** makes weights A of rewards r, the **loss** is a "
            "term for each token, its **denominator** is counted once over the optimizer batch, "
            "and the **schedule** says how a batch becomes optimizer steps. Wherever libraries "
            "choose differently there is a named field. `tests/exact` holds what is said of ours "
            "to enumeration, `tests/equivalence` what is said of TRL to TRL itself.",
            "",
            *(line for name, make in ALGORITHMS.items() for line in _section(name, make())),
            "## Parts",
            "",
            *_parts(),
            "The columns on other libraries were read in TRL 1.16 and in verl's and OpenRLHF's "
            "main branches as of autumn 2026 and name what differs from the defaults here.",
            "",
        ]
    )


def _section(name: str, algorithm: Algorithm) -> Iterator[str]:
    trl, verl, openrlhf = ELSEWHERE[name]
    about = inspect.getdoc(ALGORITHMS[name]) or ""
    rows = [
        ("credit", f"{FORMULAS[type(algorithm.credit)]} · {_fields(algorithm.credit)}"),
        ("loss", f"{FORMULAS[type(algorithm.loss)]} · {_fields(algorithm.loss)}"),
        ("schedule", _fields(algorithm.schedule, Schedule())),
        ("critic", _fields(algorithm.critic) if algorithm.critic else "none"),
        (
            "KL, entropy bonus",
            f"{_fields(algorithm.kl) if algorithm.kl else 'no KL'}, {algorithm.entropy:g}",
        ),
        ("in TRL", trl),
        ("in verl", verl),
        ("in OpenRLHF", openrlhf),
    ]
    yield f"## `{name}`"
    yield ""
    yield " ".join(about.split())
    yield ""
    yield from _baselines(name)
    yield "| | |"
    yield "|---|---|"
    for label, text in rows:
        yield f"| {label} | {text} |"
    yield ""


def _baselines(name: str) -> Iterator[str]:
    """The credit of every baseline that an algorithm can be given."""
    if "baseline" not in inspect.signature(ALGORITHMS[name]).parameters:
        return
    names = get_args(BatchBaseline if name == "reinforce_pp" else Baseline)
    for baseline in names:
        made = ALGORITHMS[name](baseline).credit
        yield f"- `{name}({baseline!r})`: {FORMULAS[type(made)]} · {_fields(made)}"
    yield ""


def _parts() -> Iterator[str]:
    """Every credit and loss with its first sentence; the KL with all that is said of it."""
    for kind, formula in FORMULAS.items():
        sentence = (inspect.getdoc(kind) or "").split("\n\n")[0]
        yield f"- **{kind.__name__}**, {formula}. {' '.join(sentence.split())}"
    yield ""
    yield "## KL"
    yield ""
    yield (inspect.getdoc(divergence) or "").strip()
    yield ""
    yield "```text"
    yield (inspect.getdoc(divergence.KL) or "").strip()
    yield "```"
    yield ""


def _fields(value: object, usual: object | None = None) -> str:
    """Field values in words; against `usual`, only those that differ."""
    assert dataclasses.is_dataclass(value)
    shown = (
        f"{field.name} = {getattr(value, field.name)}"
        for field in dataclasses.fields(value)
        if usual is None or getattr(value, field.name) != getattr(usual, field.name)
    )
    return ", ".join(shown) or ("no free choices" if usual is None else "one step a batch")


if __name__ == "__main__":
    PAGE.write_text(page())
