"""Mixtures of worked and answer-only solutions on problems in words: what RL adds to them.

The paper's GSM8K and MATH experiment (arXiv 2510.11495 §5): supervised training in which a problem
keeps its worked solution with probability p_cot and otherwise only its answer, then RL with a
reward for right answers. Here a decoder learns generated word problems from scratch; with `model`,
`train` and `test` the same stages read a language model and a data set of problems with worked
solutions. The experiments that any mixture has are in `mixture_arms.py`; `Settings.experiments`
names those that a run carries out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from hone.core.contracts import Task
from hone.core.errors import UsageError, require
from hone.core.language_model import tokens_of
from hone.models.config import DecoderConfig, LoRA, parameters
from hone.objectives.algorithms import grpo
from hone.runs.plan import Node
from hone.studies.adopted import adopted, folder_of
from hone.studies.rl_after_ntp import mixture_arms
from hone.studies.rl_after_ntp.mixture import (
    MixtureSettings,
    post_train,
    pretrain,
    shaped_for,
    two_numbers,
)
from hone.studies.rl_after_ntp.mixture_figures import figures
from hone.studies.rl_after_ntp.mixture_tables import tables
from hone.studies.rl_after_ntp.worked_mixture_claims import CLAIMS
from hone.studies.study import Study, seed_by_seed
from hone.tasks.maths import MathProblems, rows_of
from hone.tasks.word_problems import WordProblems
from hone.tasks.word_problems.formats import WORKED_OR_NOT

PROMPT, RESPONSE = 512, 512
"""Tokens of a language model's prompts and responses."""
_GENERATED = ("low", "high", "distractors", "layers", "width", "scales")


@dataclass(frozen=True)
class Settings(MixtureSettings):
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    p_cot: float = 0.4  # at 0.25 only some seeds learn to work problems out
    low: int = 2  # steps of a word problem; of one there are so few that answers are remembered
    high: int = 2
    distractors: int = 0  # quantities that are not needed, at most
    layers: int = 2
    width: int = 64
    scales: tuple[str, ...] = ("2x64", "3x96")  # layers x width, of the experiment that varies them
    steps: int = 2500  # of next-token prediction before RL
    batch: int = 64
    lr: float = 4e-3
    prompts: int = 64
    rl_lr: float = 3e-4
    star_samples: int = 1024
    problems: int = 256  # of evaluation
    samples: int = 2  # to each of them at temperature 1
    model: str | None = None  # folder of a language model; none: a decoder learns from scratch
    train: str | None = None  # file, folder or name of the problems that a language model is taught
    test: str | None = None  # of those that it is asked
    lora: int = 0  # rank of adapters, with twice it as α; 0: all weights are trained

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.lora >= 0, "lora", self.lora, "0 or more")
        self.require_distinct("scales")
        if self.model is None:
            self._require_defaults("train", "test", "lora", allowed="only with model=")
            self.decoder()  # refuses what no decoder or task can be
            for scale in self.scales:
                self.of_scale(scale)
        else:
            self._require_defaults(*_GENERATED, allowed="only without model=")

    def _require_defaults(self, *names: str, allowed: str) -> None:
        """Refuse fields that were set although nothing would read them."""
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            value = getattr(self, name)
            require(value == defaults[name], name, value, allowed)

    @property
    def task(self) -> Task:
        if self.model is None:
            return WordProblems(self.low, self.high, self.distractors, formats=WORKED_OR_NOT)
        if self.train is None or self.test is None:
            raise UsageError(
                "train and test are not both given; name the problems that the language model is "
                "taught and asked, e.g. train=gsm8k-train.jsonl test=gsm8k-test.jsonl"
            )
        return _maths(self.model, self.train, self.test)

    def decoder(self) -> DecoderConfig | None:
        if self.model is not None:
            return None
        return shaped_for(self.task, "mistral", self.layers, self.width)

    def adopted(self, seed: int) -> Mapping[str, Node]:
        return {} if self.model is None else {"policy": adopted(self.model, seed)}

    @property
    def adapters(self) -> LoRA | None:
        return LoRA(self.lora, 2.0 * self.lora) if self.lora else None

    def of_scale(self, scale: str) -> "Settings":
        """The same with another decoder, e.g. `3x96`."""
        layers, width = two_numbers("scales", scale, "3x96")
        return replace(self, layers=layers, width=width, scales=())


def scales(settings: Settings, seed: int) -> Iterator[Node]:
    """Decoders of several sizes at the same number of steps, and GRPO from each."""
    for scale in settings.scales:
        sized = settings.of_scale(scale)
        shape = sized.decoder()
        require(shape is not None, "experiments", "scales", "one without model=")
        assert shape is not None
        arm = f"{parameters(shape) / 1e6:.2f} M parameters"
        base = pretrain(sized, arm, seed, settings.p_cot, experiment="scales", scale=scale)
        yield base
        yield post_train(sized, base, arm, grpo())


@lru_cache(maxsize=8)
def _maths(model: str, train: str, test: str) -> MathProblems:
    """Problems with worked solutions for a language model: the solution, or the boxed answer."""
    tokens = tokens_of(folder_of(model))
    return MathProblems(rows_of(train), tokens, PROMPT, RESPONSE, rows_of(test), forms="worked")


EXPERIMENTS = {function.__name__: function for function in (*mixture_arms.EXPERIMENTS, scales)}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


FULL = Settings(experiments=())
PAPER = Settings(
    experiments=("rarity", "algorithms", "matched"),
    p_cot=0.1,
    sweep=(0.05, 0.1, 0.25, 0.5),
    steps=500,
    batch=32,
    lr=2e-5,
    rounds=100,
    rl_lr=1e-6,
    star_rounds=10,
    problems=1319,
    samples=1,
    model="meta-llama/Llama-3.2-3B",
    device="cuda",
    dtype="bfloat16",
)
"""The paper's smaller model; of its settings no more is known."""

study = Study(
    name="worked_mixture",
    title="Worked and answer-only solutions: RL after supervised training on word problems",
    paper="How Reinforcement Learning After Next-Token Prediction Facilitates Learning, "
    "arXiv 2510.11495",
    summary="Decoders learn word problems whose solutions are seldom worked out, then RL rewards "
    "right answers. The same stages read GSM8K and MATH with a language model.",
    presets={
        "quick": {
            "": replace(FULL, experiments=("algorithms", "matched"), seeds=(0,), looks=4),
        },
        "full": {
            "core": replace(
                FULL, experiments=("rarity", "algorithms", "matched", "without_worked")
            ),
            "robustness": replace(FULL, experiments=("temperatures",)),
            "scale": replace(FULL, experiments=("scales",)),
        },
        "paper": {"3B": PAPER, "8B": replace(PAPER, model="meta-llama/Llama-3.1-8B", lora=64)},
    },
    plan=plan,
    claims=CLAIMS,
    figures=figures(width=2),
    tables=tables("Decoders by their size", "scales"),
)
