"""The corpora and problems of the paper itself, in a folder (§2 to §6)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from hone.core.errors import UsageError, require
from hone.core.language_model import ModelTokens, tokens_of
from hone.objectives.algorithms import Algorithm, Start, expert_iteration
from hone.runs.plan import Factor, Node
from hone.studies.adopted import adopted, folder_of
from hone.studies.echo_chamber.arms import (
    Settings,
    asked_elsewhere,
    policy_gradients,
    post_train,
    read,
    with_rl,
)
from hone.studies.echo_chamber.measured.selection import ONE_CORPUS
from hone.tasks.maths import MathProblems, Rows, rows_of
from hone.tasks.maths.corpus import TextCorpus, Texts, by_repeats, texts_of
from hone.training.configs import Adopt

CONTEXT = 2048  # tokens of a document
PROMPT, RESPONSE = 1024, 1024  # tokens
DEFAULT_KL = 1e-3
FITTED_WARMUP = 20  # updates: about 3 % of those by which expert iteration fits its first round
HUB = ".hub"  # a file that names a data set of the hub, and its split and config if need be
TRAINED = 7473  # problems of GSM8K's training set
STARTS: dict[str, Start] = {"EI, restarted": "initial", "EI, continued": "current"}


CORPORA: dict[str, tuple[str, ...]] = {
    "finemath": ("text",),  # HuggingFaceTB/finemath, finemath-3plus
    "algebraic-stack": ("text",),  # EleutherAI/proof-pile-2, algebraic-stack
    "tinygsm": ("question", "code"),  # TinyGSM/TinyGSM
    "omi1": ("question", "generated_solution"),  # nvidia/OpenMathInstruct-1, the correct ones
    "omi2": ("problem", "generated_solution"),  # nvidia/OpenMathInstruct-2
    "metamath": ("query", "response"),  # meta-math/MetaMathQA
}
"""Columns of the documents of each corpus."""
PROBLEMS = ("gsm8k-train", "gsm8k-test", "math-500", "aime")
ALWAYS = {"finemath": 1, "algebraic-stack": 1}
ALL_THREE = {**ALWAYS, "tinygsm": 1, "omi1": 1, "omi2": 1}
PAPER_MIXTURES: dict[str, dict[str, tuple[dict[str, int], dict[str, Factor]]]] = {
    "150M": {
        "TG + OMI1 + OMI2": (ALL_THREE, {"experiment": "collapse"}),
        "TG + 4×OMI1": (
            {**ALWAYS, "tinygsm": 1, "omi1": 4},
            {"experiment": "crossover", "unfavourable": 0.0},
        ),
        "TG + 8×OMI1": (
            {**ALWAYS, "tinygsm": 1, "omi1": 8},
            {"experiment": "crossover", "unfavourable": 1.0},
        ),
        **{
            f"{times}×TG": (
                {**ALWAYS, "tinygsm": times},
                {"experiment": "repeats", "tokens": "growing", "times": times},
            )
            for times in (1, 2, 4, 8)
        },
        "TG alone": ({"tinygsm": 4}, ONE_CORPUS),
    },
    "1B": {
        "TG + OMI1 + OMI2": (ALL_THREE, {"experiment": "collapse"}),
        **{
            name: ({**ALWAYS, **repeats}, {"experiment": "transfer"})
            for name, repeats in {
                "TG": {"tinygsm": 1},
                "TG + 4×OMI1": {"tinygsm": 1, "omi1": 4},
                "TG + OMI2": {"tinygsm": 1, "omi2": 1},
                "OMI2 + MMQA": {"omi2": 1, "metamath": 1},
            }.items()
        },
    },
}
"""Of each scale: how often each corpus is read, and what the arm is compared with."""


def corpora(settings: Settings, seed: int) -> Iterator[Node]:
    """The paper's arms on its own corpora: RL on GSM8K, and what becomes of MATH and AIME."""
    require(settings.scale in PAPER_MIXTURES, "scale", settings.scale, " or ".join(PAPER_MIXTURES))
    data = _given(settings, "data")
    tokens = tokens_of(Path(_given(settings, "tokenizer")))
    for name, (repeats, labels) in PAPER_MIXTURES[settings.scale].items():
        texts = {each: (_texts(data, each), times) for each, times in repeats.items()}
        corpus = TextCorpus(tokens, CONTEXT, by_repeats(texts))
        once = replace(settings, steps=min(settings.steps, _steps(texts, settings.batch)))
        base = read(once, seed, name, corpus, _problems(data, tokens, "gsm8k-test"))
        for run in _runs(settings, labels):
            yield from _run(settings, base, run, labels, data, tokens)


def checkpoint(settings: Settings, seed: int) -> Iterator[Node]:
    """A language model from elsewhere in place of the paper's: PPO on GSM8K, and what becomes."""
    data, model = _given(settings, "data"), _given(settings, "model")
    name, base = folder_of(model).name, adopted(model, seed)
    assert isinstance(base.config, Adopt)
    room, needed = base.config.model.context, PROMPT + RESPONSE
    require(room >= needed, "model", f"a context of {room}", f"one of {needed} tokens or more")
    base = replace(base, arm=name, factors={"mixture": name, "base": seed})
    labels: dict[str, Factor] = {"experiment": "checkpoint"}
    for run in _runs(settings, labels):
        yield from _run(settings, base, run, labels, data, tokens_of(Path(model)))


def _run(settings: Settings, base: Node, run: "Run", labels: Mapping[str, Factor], data: str,
         tokens: ModelTokens) -> Iterator[Node]:  # fmt: skip
    """One run of RL on GSM8K, with what is asked of MATH and AIME before and after it."""
    rl = post_train(run.settings or settings, base, f"{base.arm}, {run.name}",
                    task=_problems(data, tokens, "gsm8k-test"), algorithm=run.algorithm,
                    kl=run.kl, lr=run.lr)  # fmt: skip
    rl = replace(rl, factors={**rl.factors, **labels, **run.factors, "asked": "GSM8K"})
    yield from with_rl(settings, base, rl, forced=())
    harder = {"hard": _problems(data, tokens, "math-500"),
              "hardest": _problems(data, tokens, "aime")}  # fmt: skip
    yield from asked_elsewhere(settings, base, rl, harder)


@dataclass(frozen=True)
class Run:
    """One way to train by RL: what it is called, how, and what it is compared by."""

    name: str
    algorithm: Algorithm
    kl: float = 0.0
    lr: float | None = None
    settings: Settings | None = None  # where others are its own
    factors: Mapping[str, Factor] = field(default_factory=dict)


def _runs(settings: Settings, labels: Mapping[str, Factor]) -> Iterator[Run]:
    """PPO as in the paper; of the mixture of three, other coefficients and algorithms too."""
    compared = policy_gradients(settings, DEFAULT_KL)
    as_in_paper = Run("PPO", compared["PPO"], DEFAULT_KL)
    if labels["experiment"] != "collapse":
        yield as_in_paper
        return
    for kl in (0.0, DEFAULT_KL, 10 * DEFAULT_KL):
        algorithm = policy_gradients(settings, kl)["PPO"] if kl else compared["PPO, no KL"]
        yield Run(f"PPO, β = {kl:g}", algorithm, kl)
    for each in (
        *(Run(name, algorithm) for name, algorithm in compared.items()),
        *_by_expert_iteration(settings),
    ):
        yield replace(each, factors={"experiment": "algorithms", "by": each.name})


def _by_expert_iteration(settings: Settings) -> Iterator[Run]:
    """64 samples to every training problem, three times over, or twice by the larger model."""
    rounds = 3 if settings.scale == "150M" else 2
    every = replace(settings, rounds=rounds, looks=rounds, prompts=TRAINED, group=64,
                    temperature=1.0, rl_warmup=FITTED_WARMUP)  # fmt: skip
    for name, start in STARTS.items():
        algorithm = expert_iteration(minibatch=256, start=start)
        yield Run(name, algorithm, lr=1e-4, settings=every)


def _problems(data: str, tokens: ModelTokens, held_out: str) -> MathProblems:
    """GSM8K's training problems for RL; others to be asked."""
    return MathProblems(_rows(data, "gsm8k-train"), tokens, PROMPT, RESPONSE, _rows(data, held_out))


def _steps(texts: Mapping[str, tuple[Texts, int]], batch: int) -> int:
    """In which as many documents are read as a mixture has, repeats counted (one epoch, §4)."""
    return math.ceil(sum(each.documents * times for each, times in texts.values()) / batch)


@lru_cache(maxsize=16)
def _texts(data: str, name: str) -> Texts:
    return texts_of(*_place(data, name), columns=CORPORA[name])


@lru_cache(maxsize=16)
def _rows(data: str, name: str) -> Rows:
    return rows_of(*_place(data, name))


def _place(data: str, name: str) -> tuple[str, str, str]:
    """Where a corpus or a set of problems lies: its path or hub name, its split and its config."""
    file = _own(data, name)
    if file.suffix != HUB:
        return str(file), "", ""
    place, split, config = (*file.read_text().split(), "", "", "")[:3]
    require(bool(place), str(file), "nothing", "a line: NAME-ON-THE-HUB [SPLIT [CONFIG]]")
    return place, split, config


def _own(data: str, name: str) -> Path:
    """The file or folder that holds a corpus or a set of problems, or says where it is."""
    found = [path for path in sorted(Path(data).glob(f"{name}*")) if path.stem == name]
    if len(found) != 1:
        known = ", ".join((*CORPORA, *PROBLEMS))
        raise UsageError(
            f"data = {data} has {len(found)} files or folders called {name}; put one there, as a "
            f".jsonl, .json or .parquet file, as a folder, or as {name}{HUB}, one line that names "
            f"a data set of the hub (the study reads {known})"
        )
    return found[0]


def _given(settings: Settings, key: str) -> str:
    """A folder that has to be named."""
    folder = getattr(settings, key)
    if folder is None:
        raise UsageError(f"{key} is not given; name {_FOLDERS[key]}")
    return folder


_FOLDERS = {
    "data": f"the folder of the problems ({', '.join(PROBLEMS)}) and, to pretrain, of the corpora "
    f"({', '.join(CORPORA)}), e.g. data=corpora",
    "tokenizer": "the folder of a language model in whose tokens corpora are read, e.g. "
    "tokenizer=Llama-2-7b-hf",
    "model": "the folder of a language model, e.g. model=Qwen2.5-0.5B",
}
