"""Strategy selection and strategy improvement on chains of finite-field arithmetic.

A decoder learns, from scratch, to calculate in a prime field and to keep its place in lists of up
to 15 operations; then, from demonstrations of 2 to 5 operations, to solve problems `forward`,
`backward`, or either way at random; then RL on harder problems shows what it adds (arXiv
2606.13125). Each function below is one experiment; `Settings.experiments` names those that a run
carries out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hone.objectives.curricula import Adaptive, Fixed, Staged
from hone.objectives.rewards import verified
from hone.runs.plan import Node, unique
from hone.studies.select_and_improve.arms import (
    COMPOSED,
    PAPER_KL,
    REWARDS,
    STRATEGIES,
    Settings,
    fine_tune,
    look,
    looked_at,
    post_train,
    pretrain,
    range_of,
    taught,
    with_rl,
)
from hone.studies.select_and_improve.claims import MAIN
from hone.studies.select_and_improve.claims_elsewhere import (
    ABLATIONS,
    FASTER,
    ROBUSTNESS,
    UNCHANGED,
)
from hone.studies.select_and_improve.figures import FIGURES, OVERVIEWS
from hone.studies.select_and_improve.tables import TABLES
from hone.studies.study import Study, seed_by_seed
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.field_arithmetic.compositions import FieldCompositions
from hone.training.configs import Evaluation, Optimizer, PostTrain, Supervise


def main(settings: Settings, seed: int) -> Iterator[Node]:
    """Three arms of demonstrations, and RL on harder problems than theirs (E0–E4)."""
    yield from unique([pretrain(settings, seed)])
    for data in STRATEGIES:
        base = fine_tune(settings, seed, data)
        yield base
        yield from asked_easy(settings, base, "main")
        arm = f"{data} RL({range_of(settings.hard)})"
        yield from with_rl(settings, base, post_train(settings, base, arm, experiment="main"))


def easier(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems as hard as the demonstrations instead: the other rows of Table 1 (E4)."""
    for data in STRATEGIES:
        base = fine_tune(settings, seed, data)
        arm = f"{data} RL({range_of(settings.easy)})"
        rl = post_train(settings, base, arm, settings.easy, experiment="main")
        yield from with_rl(settings, base, rl)


def asked_easy(settings: Settings, base: Node, experiment: str) -> Iterator[Node]:
    """How well fine-tuning taught each strategy, at the lengths that it showed; and a choice."""
    labels = {**base.factors, "experiment": experiment}
    for forced in (None, *FieldArithmetic.strategies):
        config = look(settings, settings.task(settings.easy), forced)
        stage = "easy" if forced is None else f"easy {forced}"
        yield Node(base.arm, stage, config, base.seed, {"policy": base}, labels)


def rewards(settings: Settings, seed: int) -> Iterator[Node]:
    """Rewards that know nothing of the answer in place of the verifier, on the mixed arm."""
    base = fine_tune(settings, seed, "FB")
    for name in REWARDS:
        rl = post_train(settings, base, f"FB {name}", reward=name, experiment="rewards", by=name)
        yield from with_rl(settings, base, rl)


def yardsticks(settings: Settings, seed: int) -> Iterator[Node]:
    """Supervised training on as many tokens as RL drew: demonstrations, and what RL kept."""
    base = fine_tune(settings, seed, "FB")
    rl = post_train(settings, base, "FB RL", experiment="yardsticks", by="RL")
    yield from with_rl(settings, base, rl)
    more = Supervise(
        task=settings.task(settings.hard),
        mixture=settings.mixture("FB"),
        steps=settings.rounds,
        batch=3 * settings.prompts * settings.group,  # of which as many as RL's tokens are fitted
        optimizer=Optimizer(settings.sft_lr, warmup=5, decay="linear"),  # as in fine-tuning
        evaluation=Evaluation(settings.problems // 2, settings.rounds, samples=2),
        lora=settings.adapters(settings.dropout),
        numerics=settings.numerics,
    )
    for by, inputs in {
        "demonstrations": {"policy": base, "budget": rl},
        "kept rollouts": {"policy": base, "budget": rl, "rollouts": rl},
    }.items():
        labels = {**base.factors, "experiment": "yardsticks", "by": by}
        node = Node(f"FB {by}", "more sft", more, seed, inputs, labels)
        yield node
        yield from looked_at(settings, base, node.arm, "before", **labels)
        yield from looked_at(settings, node, node.arm, "after")


def tilt(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems that are mostly evaluations: the share of forward should follow (E5)."""
    base = fine_tune(settings, seed, "FB")
    for evaluation in (0.5, 0.75, 0.9):
        arm = f"FB {evaluation:.0%} evaluation"
        rl = post_train(
            settings,
            base,
            arm,
            evaluation=evaluation,
            experiment="tilt",
            evaluation_share=evaluation,
        )
        yield from with_rl(settings, base, rl)
        tilted = look(settings, settings.task(settings.hard, evaluation))
        yield Node(arm, "after tilted", tilted, seed, {"policy": rl}, rl.factors)


def another_field(settings: Settings, seed: int) -> Iterator[Node]:
    """The same in GF(13) (E7)."""
    other = replace(settings, p=13)
    for data in STRATEGIES:
        base = fine_tune(other, seed, data)
        yield from asked_easy(other, base, "another_field")
        rl = post_train(other, base, f"GF(13) {data}", experiment="another_field")
        yield from with_rl(other, base, rl)


def longer(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems of up to three times the demonstrations' length (E8)."""
    other = replace(settings, hard=(settings.hard[0], settings.longest))
    for data in STRATEGIES:
        base = fine_tune(other, seed, data)
        rl = post_train(other, base, f"{data} RL({range_of(other.hard)})", experiment="longer")
        yield from with_rl(other, base, rl)


def compositions(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on compositions of three to five parts, from demonstrations with pairs or without (E6).

    Fewer rounds, as responses are several times as long.
    """
    hard, rounds = settings.composed(*COMPOSED), max(1, 2 * settings.rounds // 3)
    for seeds, most in (("with", 2), ("without", 1)):
        arm = f"composed, {seeds} seeds"
        labels = {"experiment": "compositions", "seeds": seeds}
        task = settings.composed(1, most)
        either = tuple((strategy, 0.25) for strategy in FieldCompositions.strategies)
        base = taught(settings, seed, arm, task, either, "FB", **labels)
        rl = PostTrain(
            task=hard,
            algorithm=settings.chosen,
            reward=verified("outcome"),
            rounds=rounds,
            prompts=settings.prompts,
            group=settings.group,
            optimizer=Optimizer(settings.lr, warmup=5),
            evaluation=Evaluation(settings.problems // 2, rounds, samples=2),
            temperature=settings.temperature,
            lora=settings.adapters(),
            numerics=settings.numerics,
        )
        after = Node(arm, "rl", rl, seed, {"policy": base}, labels)
        yield from (base, after)
        for when, policy in (("composed before", base), ("composed after", after)):
            yield Node(arm, when, look(settings, hard), seed, {"policy": policy}, labels)


def restrained(settings: Settings, seed: int) -> Iterator[Node]:
    """RL on problems as hard as the demonstrations, with a KL penalty."""
    for data in STRATEGIES:
        base = fine_tune(settings, seed, data)
        arm = f"{data} RL({range_of(settings.easy)}), kl = {PAPER_KL:g}"
        rl = post_train(
            replace(settings, kl=PAPER_KL), base, arm, settings.easy, experiment="restrained"
        )
        yield from with_rl(settings, base, rl)


def hyperparameters(settings: Settings, seed: int) -> Iterator[Node]:
    """Group, KL and learning rate around the paper's, from every kind of demonstrations (E10)."""
    as_in_paper = replace(settings, kl=PAPER_KL)
    for data in STRATEGIES:
        base = fine_tune(settings, seed, data)
        for variation, factors in VARIATIONS.items():
            rl = post_train(multiplied(as_in_paper, factors), base, f"{data} {variation}",
                            experiment="hyperparameters", variation=variation)  # fmt: skip
            yield from with_rl(settings, base, rl)


def multiplied(settings: Settings, factors: Mapping[str, float]) -> Settings:
    """Settings with some of them so many times as large; counts stay whole numbers."""
    now = {key: getattr(settings, key) for key in factors}
    products = {key: by * now[key] for key, by in factors.items()}
    whole = {key: round(products[key]) for key in factors if isinstance(now[key], int)}
    return replace(settings, **products | whole)


VARIATIONS: dict[str, dict[str, float]] = {
    UNCHANGED: {},
    "twice the group": {"group": 2.0},
    "twice the KL": {"kl": 2.0},
    "twice both": {"group": 2.0, "kl": 2.0},
    FASTER: {"lr": 5.0},
}
"""Of the paper's hyperparameters: which of them is multiplied by how much."""


def algorithms(settings: Settings, seed: int) -> Iterator[Node]:
    """Other algorithms in GRPO's place."""
    base = fine_tune(settings, seed, "FB")
    for name in ("grpo", "ppo", "rloo", "expert_iteration"):
        other = replace(settings, algorithm=name)
        rl = post_train(other, base, f"FB {name}", experiment="algorithms", by=name)
        yield from with_rl(settings, base, rl)


def curricula(settings: Settings, seed: int) -> Iterator[Node]:
    """Difficulty fixed, raised by stages, or after the success rate, at equal rollouts (§10)."""
    base = fine_tune(settings, seed, "FB")
    middle = (settings.easy[0] + 2, settings.easy[1] + 2)
    levels, third = (settings.easy, middle, settings.hard), max(1, settings.rounds // 3)
    for name, curriculum in {
        "fixed": Fixed((0.0, 0.0, 1.0)),
        "even": Fixed((1.0, 1.0, 1.0)),
        "staged": Staged((1, 1 + third, 1 + 2 * third)),
        "adaptive": Adaptive(),
    }.items():
        rl = post_train(settings, base, f"FB {name}", curriculum=curriculum, levels=levels,
                        experiment="curricula", by=name)  # fmt: skip
        yield from with_rl(settings, base, rl)


PRACTICE: dict[str, dict[str, float]] = {
    "all": {},
    "half of the facts": {"first": 0.5},
    "half of long": {"long": 0.5},
    "a quarter of long": {"long": 0.25},
    "walks for half of the lists": {"lists": 0.5},
    "lists for half of the walks": {"lists": 1.25},
    "half as many undone": {"undone": 0.5},
    "twice as many undone": {"undone": 2.0},
    "half of replay": {"replay": 0.5},
    "no replay": {"replay": 0.0},
    "half the width": {"width": 0.5},
    "half the layers": {"layers": 0.5},
}
"""What a model brings to RL: what is multiplied by how much."""


def practice(settings: Settings, seed: int) -> Iterator[Node]:
    """How much practice, of which kind, and how large a model RL's improvement needs."""
    for name, factors in PRACTICE.items():
        other = multiplied(settings, factors)
        base = fine_tune(other, seed, "FB")
        rl = post_train(other, base, f"FB {name}", experiment="practice", practice=name)
        yield from with_rl(other, base, rl)


EXPERIMENTS = {
    function.__name__: function
    for function in (
        main,
        easier,
        rewards,
        yardsticks,
        tilt,
        another_field,
        longer,
        compositions,
        restrained,
        hyperparameters,
        algorithms,
        curricula,
        practice,
    )
}


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


CORE = Settings(("main", "easier"), seeds=(8, 9, 10, 11, 12))
QUICK = replace(
    CORE,
    experiments=("main",),
    seeds=(0,),
    first=250,
    short=250,
    long=300,
    sft=100,
    rounds=100,
    problems=256,
)
"""Three quarters of the steps: the same pattern, less clearly, in a quarter of an hour."""
FURTHER = tuple(name for name in EXPERIMENTS if name not in CORE.experiments)
"""Each of them is a part of its own."""


SEEDS = {"rewards": 5, "yardsticks": 5, "tilt": 5, "hyperparameters": 1, "practice": 1}
"""How many of the core's seeds a further part has; three if not said here."""


PAPER = Settings(
    ("main", "easier"),
    sft=2560,
    sft_batch=16,
    sft_lr=2e-4,
    sft_distinct=2048,
    sft_prompts=True,
    rounds=500,
    rl_distinct=1024,
    looks=20,
    lr=1e-5,
    kl=0.05,
    temperature=0.7,
    model="Qwen/Qwen2.5-1.5B-Instruct",
    lora=64,
    dropout=0.05,
    device="cuda",
    dtype="bfloat16",
)
study = Study(
    name="select_and_improve",
    title="Select and Improve: what RL adds on chains of field arithmetic",
    paper="Select and Improve: Understanding the Mechanics of Post-Training for Reasoning, "
    "arXiv 2606.13125",
    summary="Decoders of 0.8 M parameters learn to calculate, are shown forward and backward "
    "solutions of 2 to 5 operations, and are post-trained on longer problems. How much of the gain "
    "is a better choice of strategy, and how much a better execution?",
    presets={
        "quick": {"": QUICK},
        "full": {
            "core": CORE,
            **{
                part: replace(CORE, experiments=(part,), seeds=CORE.seeds[: SEEDS.get(part, 3)])
                for part in FURTHER
            },
        },
        "paper": {
            "core": PAPER,
            "robustness": replace(
                PAPER, experiments=("tilt", "another_field", "longer", "compositions")
            ),
            "ablations": replace(PAPER, experiments=("hyperparameters",)),
        },
    },
    plan=plan,
    claims=(*MAIN, *ROBUSTNESS, *ABLATIONS),
    figures=FIGURES,
    tables=TABLES,
    overviews=OVERVIEWS,
)
