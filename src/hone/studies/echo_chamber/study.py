"""Which of the distributions that a model has read does RL amplify: one study of several parts.

Decoders read, from scratch, grade-school problems whose solutions are programs, tagged code or
sentences; RL on other such problems then settles on one of these formats (arXiv 2504.07912). Each
function below is one experiment; `Settings.experiments` names those that a run carries out.
"""

from collections.abc import Iterator
from dataclasses import replace

from hone.core.contracts import Task
from hone.objectives.algorithms import expert_iteration, star
from hone.runs.plan import Node
from hone.studies.echo_chamber import figures_elsewhere, tables_elsewhere
from hone.studies.echo_chamber.arms import (
    GENTLY,
    MODERATE,
    PENALTIES,
    RESTRAINED,
    SLOW,
    Settings,
    asked_elsewhere,
    millions,
    penalised,
    policy_gradients,
    post_train,
    pretrain,
    with_rl,
)
from hone.studies.echo_chamber.claims import CLAIMS
from hone.studies.echo_chamber.corpora import checkpoint, corpora
from hone.studies.echo_chamber.figures import FIGURES
from hone.studies.echo_chamber.measured.formats import NAMES
from hone.studies.echo_chamber.mixtures import (
    MISREAD,
    MIXTURES,
    WITHOUT_HARD,
    added,
    drilled,
    growth,
    named,
    repeated,
    towards_unfavourable,
    with_hard,
)
from hone.studies.echo_chamber.tables import TABLES
from hone.studies.study import Study, seed_by_seed


def collapse(settings: Settings, seed: int) -> Iterator[Node]:
    """The balanced mixture, with and without a KL penalty (Fig. 2, 3 and 8).

    The coefficients play the part of the paper's 0, 1e-3 and 1e-2: here are fewer and larger steps.
    """
    base = pretrain(settings, seed, "balanced", MIXTURES["balanced"])
    for kl in settings.kls:
        for repeat in range(1, 1 + (1 if kl else settings.repeats)):
            arm = f"balanced, β = {kl:g}"
            rl = post_train(settings, base, arm, repeat, kl=kl, experiment="collapse")
            yield from with_rl(settings, base, rl)


def gentle(settings: Settings, seed: int) -> Iterator[Node]:
    """The balanced mixture at a third of the learning rate: what of the above is haste."""
    base = pretrain(settings, seed, "balanced", MIXTURES["balanced"])
    lr = GENTLY * settings.size.lr
    rl = post_train(settings, base, f"balanced, lr {lr:g}", lr=lr, experiment="gentle")
    yield from with_rl(settings, base, rl, forced=())


def crossover(settings: Settings, seed: int) -> Iterator[Node]:
    """From a mixture whose most frequent format is a worse one to one that has little else."""
    for part in settings.parts:
        mixture = towards_unfavourable(part)
        arm = named(mixture)
        base = pretrain(settings, seed, arm, mixture, unfavourable=part)
        forced = ("before",) if part == settings.parts[-1] else ()
        for repeat in range(1, 1 + settings.repeats):
            rl = post_train(settings, base, arm, repeat, experiment="crossover")
            yield from with_rl(settings, base, rl, forced)


def well_read(settings: Settings, seed: int) -> Iterator[Node]:
    """The unfavourable shares in three times the documents: rare programs are learned.

    So share and accuracy disagree as far as they can; under a penalty their product is to decide
    (§3.6), without one accuracy. The learning rate is that at which a penalty's optimum is reached.
    """
    longer = replace(settings, steps=3 * settings.steps)
    base = pretrain(longer, seed, "well read", towards_unfavourable(1.0))
    slow = replace(settings, rounds=6 * settings.rounds)
    for kl in (0.0, MODERATE):
        rl = post_train(slow, base, f"well read, β = {kl:g}", algorithm=penalised(settings, kl),
                        lr=SLOW * settings.size.lr, experiment="well_read", kl=kl)  # fmt: skip
        yield from with_rl(slow, base, rl, forced=("before",))


def all_sound(settings: Settings, seed: int) -> Iterator[Node]:
    """The balanced mixture with tagged code that is as right as programs are."""
    base = pretrain(settings, seed, "all sound", MIXTURES["all sound"])
    rl = post_train(settings, base, "all sound", experiment="all_sound")
    yield from with_rl(settings, base, rl)


def refinement(settings: Settings, seed: int) -> Iterator[Node]:
    """One format in two styles (Fig. 6); and the same at a third of the learning rate."""
    base = pretrain(settings, seed, "two styles", MIXTURES["two styles"])
    rl = post_train(settings, base, "two styles", experiment="refinement")
    yield from with_rl(settings, base, rl)
    lr = GENTLY * settings.size.lr
    rl = post_train(settings, base, f"two styles, lr {lr:g}", lr=lr, experiment="gently_refined")
    yield from with_rl(settings, base, rl, forced=())


def controls(settings: Settings, seed: int) -> Iterator[Node]:
    """Nothing read that can be right, and rewards that know nothing of the answer."""
    for name in ("never right", "no format"):
        never = pretrain(settings, seed, name, MIXTURES[name])
        rl = post_train(settings, never, name, experiment="controls")
        yield from with_rl(settings, never, rl, forced=())
    base = pretrain(settings, seed, "balanced", MIXTURES["balanced"])
    for reward in ("majority", "format", "coin"):
        arm = f"balanced, {reward} reward"
        rl = post_train(settings, base, arm, reward=reward, experiment="controls")
        yield from with_rl(settings, base, rl, forced=())


def optimum(settings: Settings, seed: int) -> Iterator[Node]:
    """Long runs under large penalties, whose optimum is known (§3.6).

    At a tenth of RL's learning rate; and once at RL's own, where noise carries policies past what
    they look for. The optimum is told from four times the samples: from few it looks nearer to
    where RL begins.
    """
    base = pretrain(settings, seed, "balanced", MIXTURES["balanced"])
    for kl, rate, times in (*((kl, SLOW, 4) for kl in PENALTIES), (max(PENALTIES), 1, 2)):
        long = replace(settings, rounds=times * settings.rounds, samples=4 * settings.samples)
        lr = rate * settings.size.lr
        rl = post_train(long, base, f"RLOO, β = {kl:g}, lr {lr:g}", lr=lr, kl=kl, rate=rate,
                        algorithm=penalised(settings, kl), experiment="optimum")  # fmt: skip
        yield from with_rl(long, base, rl, forced=())


def scale(settings: Settings, seed: int) -> Iterator[Node]:
    """Models of several sizes that have read as many tokens, two mixtures, two learning rates."""
    for size in settings.scales:
        large = replace(settings, scale=size, numbers="large")
        for mixture in settings.mixtures:
            arm, reads = f"{size}, {mixture}", drilled(MIXTURES[mixture])
            base = pretrain(large, seed, arm, reads, mixture=mixture, scale=millions(size))
            forced = ("before", "after") if mixture == MISREAD else ()
            is_compared = size in (settings.scales[0], settings.scales[-1])
            for repeat in range(1, 1 + (settings.repeats if is_compared else 1)):
                rl = post_train(large, base, arm, repeat, experiment="scale", rate=1)
                yield from with_rl(large, base, rl, forced)
            fast = post_train(large, base, f"{arm}, 3 × lr", lr=3 * large.size.lr,
                              experiment="scale", rate=3)  # fmt: skip
            yield from with_rl(large, base, fast, forced=())


def tokens(settings: Settings, seed: int) -> Iterator[Node]:
    """A larger model, and a small one that reads more: small numbers.

    A change of winner between models that differ in both (as in §3.4) says nothing of either. The
    larger one also at three times its learning rate of RL, which is that of the small one.
    """
    small, *_, large = settings.scales
    for size, times, rates in ((small, 1, (1,)), (small, 3, (1,)), (large, 1, (1, 3))):
        own = replace(settings, scale=size, steps=times * settings.steps)
        arm = f"{size}, {times}× documents"
        base = pretrain(own, seed, arm, MIXTURES[MISREAD], scale=millions(size))
        for rate in rates:
            lr = rate * own.size.lr
            rl = post_train(own, base, f"{arm}, lr {lr:g}", lr=lr, rate=rate,
                            experiment="tokens", documents=times)  # fmt: skip
            yield from with_rl(own, base, rl, forced=())


def algorithms(settings: Settings, seed: int) -> Iterator[Node]:
    """PPO, GRPO and expert iteration from one model, at as many samples (§3.5, App. F)."""
    base = pretrain(settings, seed, "balanced", MIXTURES["balanced"])
    for name, algorithm in policy_gradients(settings, kl=0.01).items():
        rl = post_train(settings, base, name, algorithm=algorithm, experiment="algorithms", by=name)
        yield from with_rl(settings, base, rl, forced=())
    samples = settings.rounds * settings.prompts * settings.group
    few = replace(settings, rounds=3, looks=3, group=32, prompts=max(1, samples // (3 * 32)))
    lr = settings.size.pretrain_lr / 4
    for name, algorithm in {
        "EI, restarted": expert_iteration(start="initial"),
        "EI, continued": expert_iteration(start="current"),
        "EI, with duplicates": star(epochs=2, start="initial"),
    }.items():
        rl = post_train(
            few, base, name, algorithm=algorithm, lr=lr, experiment="algorithms", by=name
        )
        yield from with_rl(few, base, rl, forced=())


def repeats(settings: Settings, seed: int) -> Iterator[Node]:
    """One corpus read once to eight times: at as many tokens, and beside all else (Fig. 5).

    And eight times as many programs, read once: what of it is repeating.
    """
    documents = settings.steps * settings.batch
    most = 8
    for times in (1, 2, 4, most):
        fixed = pretrain(settings, seed, f"{times}×", repeated(times, documents))
        more = replace(settings, steps=round(settings.steps * growth(times)))
        grown = pretrain(more, seed, f"{times}×, added", added(times, documents))
        bases = [(fixed, "fixed"), (grown, "growing")]
        if times == most:
            others = repeated(times, documents, fresh=True)
            bases.append((pretrain(settings, seed, f"{times}× as many", others), "fresh"))
        for base, tokens in bases:
            rl = post_train(
                settings, base, base.arm, experiment="repeats", times=times, tokens=tokens
            )
            yield from with_rl(settings, base, rl, forced=())


def transfer(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on easy problems, and what becomes of harder ones, by who wrote of them (§4).

    At a third of the learning rate; and where pretraining has harder problems at RL's own, too, at
    which what is not asked is forgotten.
    """
    for by in settings.harder:
        hard = settings.harder_by(by)
        mixtures = {"none": WITHOUT_HARD} | {name: with_hard(name) for name in NAMES}
        for name, mixture in mixtures.items():
            arm = f"harder {by} in {name}"
            base = pretrain(settings, seed, arm, mixture, hard)
            others: dict[str, Task] = {"hard": hard}
            if (by, name) == ("numbers", "none"):
                others["unseen wording"] = replace(settings.task(), wording="unseen")
            taught = name != "none"
            for rate in (GENTLY, 1) if taught else (GENTLY,):
                lr = rate * settings.size.lr
                rl = post_train(settings, base, f"{arm}, lr {lr:g}", kl=RESTRAINED, lr=lr,
                                rate=rate, experiment="transfer", by=by, hard=name,
                                taught=taught)  # fmt: skip
                yield from with_rl(settings, base, rl, forced=())
                yield from asked_elsewhere(settings, base, rl, others)


EXPERIMENTS = {
    function.__name__: function
    for function in (
        collapse,
        gentle,
        crossover,
        well_read,
        all_sound,
        refinement,
        controls,
        optimum,
        scale,
        tokens,
        algorithms,
        repeats,
        transfer,
        corpora,
        checkpoint,
    )
}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


CORE = Settings(("collapse", "gentle"), seeds=(4, 5, 6, 7, 8, 9), repeats=2)
"""Of six models that all do something the exact interval says: more than half do."""
ONE_RUN = replace(CORE, repeats=1)
THREE_MODELS = replace(ONE_RUN, seeds=(4, 5, 6))
SCALED = replace(CORE, experiments=("scale",), rounds=40, problems=256, samples=8, looks=8)
LARGER = replace(
    SCALED,
    repeats=1,
    scales=("1M", "4M", "20M"),
    high=4,
    distractors=2,
    steps=10_000,
    device="cuda",
    dtype="bfloat16",
)
"""Longer stories, ten times the documents, and models that need a GPU."""
PAPER = Settings(
    ("corpora",),
    seeds=(1,),
    scale="150M",
    steps=75_000,
    batch=1_700,  # documents, about a million tokens
    rounds=1_160,
    rl_warmup=278,  # 3 % of all updates
    problems=1_319,
    samples=64,
    warmup=5_000,
    betas=(0.9, 0.95),
    temperature=0.7,
    top_p=0.95,
    device="cuda",
    dtype="bfloat16",
)
"""§4 to §6 of the reproduction's specification. What differs: RL's learning rate stays as it is
after warm-up, where the paper's falls to a tenth; documents are rows of a batch, none cut to fill
another's; and a step reads so many documents, not so many tokens."""
study = Study(
    name="echo_chamber",
    title="Echo Chamber: which of the pretraining distributions does RL amplify?",
    paper="Echo Chamber: RL Post-training Amplifies Behaviors Learned in Pretraining, "
    "arXiv 2504.07912",
    summary="Decoders read grade-school problems solved as programs, as tagged code and in "
    "sentences; RL on other problems settles on one of the three. Which one, when, and at what "
    "price?",
    presets={
        "quick": {
            "": replace(
                CORE,
                experiments=("collapse", "crossover"),
                seeds=(0,),
                repeats=1,
                parts=(0.0, 0.5, 1.0),
            )
        },
        "full": {
            "core": CORE,
            "crossover": replace(CORE, experiments=("crossover",)),
            "well_read": replace(ONE_RUN, experiments=("well_read",)),
            "controls": replace(ONE_RUN, experiments=("all_sound", "controls")),
            "styles": replace(ONE_RUN, experiments=("refinement",)),
            "optimum": replace(ONE_RUN, experiments=("optimum",)),
            "scale": replace(SCALED, mixtures=(MISREAD,)),
            "scale_balanced": replace(SCALED, mixtures=("balanced",), repeats=1),
            "tokens": replace(SCALED, experiments=("tokens",), repeats=1),
            "algorithms": replace(ONE_RUN, experiments=("algorithms",)),
            "repeats": replace(THREE_MODELS, experiments=("repeats",)),
            "larger_numbers": replace(ONE_RUN, experiments=("transfer",), harder=("numbers",)),
            "longer_chains": replace(ONE_RUN, experiments=("transfer",), harder=("steps",)),
        },
        "larger": {"": LARGER},
        "paper": {"150M": PAPER, "1B": replace(PAPER, scale="1B")},
        "checkpoint": {"": replace(PAPER, experiments=("checkpoint",))},
    },
    plan=plan,
    claims=CLAIMS,
    figures=(*FIGURES, *figures_elsewhere.ELSEWHERE),
    tables=(*TABLES, *tables_elsewhere.ELSEWHERE),
    overviews=figures_elsewhere.OVERVIEWS,
)
