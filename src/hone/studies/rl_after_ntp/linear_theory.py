"""The theory of parity from rare chains, on the linear models that it is about.

Every proposition and theorem of arXiv 2510.11495 §4 as something that can be measured. Each
function below is one experiment; `Settings.experiments` names those that a run carries out. The
statements, and what has been derived anew, are in `docs/theory.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hone.core.errors import require
from hone.models.config import mistral_style
from hone.runs.plan import Factor, Node
from hone.studies.rl_after_ntp.linear_bounds import flips_after
from hone.studies.rl_after_ntp.linear_claims import CLAIMS
from hone.studies.rl_after_ntp.linear_figures import FIGURES
from hone.studies.rl_after_ntp.linear_tables import TABLES
from hone.studies.study import Study, seed_by_seed
from hone.tasks.parity import Parity, parity_mixture
from hone.training.configs import Evaluation, Likelihood, Optimizer, Respond, Supervise
from hone.training.linear_configs import LinearFit, LinearRates, LinearSGD, LinearStar
from hone.training.linear_data import MOST_BITS

_COUNTS = ("steps", "batch", "star_steps", "samples", "extra_rounds", "problems", "rate_steps",
           "replicas", "direct_steps")  # fmt: skip


_SEVERAL = ("sweep", "rare", "sizes", "lams", "cost_sizes", "budgets", "rare_sizes",
            "direct_sizes")  # fmt: skip
_COMMON = 0.1  # p_cot from which the numbers of the settings are enough


@dataclass(frozen=True)
class Settings:
    """What a run of the study fixes; every field can be set on the command line as key=value."""

    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    d: int = 11
    sweep: tuple[float, ...] = (0.1, 0.2, 0.28, 0.3, 0.36, 0.42, 0.6)  # p_cot around 1/3
    rare: tuple[float, ...] = (0.25, 0.1, 0.05, 0.02)  # p_cot whose STaR rounds are counted
    sizes: tuple[int, ...] = (5, 11, 22, 44)  # d at which Theorem 1 is measured
    steps: int = 20_000  # of pretraining
    batch: int = 64
    lam: float = 1e-3  # of the first token and the end in pretraining
    star_steps: int = 4000  # of every round of STaR, and of the model it starts from
    star_lam: float = 3e-3  # the same there; fewer steps bear less noise
    chain_lam: float = 1e-4  # of the chain's tokens
    samples: int = 4096  # a round of STaR; more where chains are rarer than one in ten
    extra_rounds: int = 3  # of STaR beyond those that theory asks for
    problems: int = 512  # of evaluation
    rate_steps: int = 2**16  # of single-sample SGD, whose errors are followed
    replicas: int = 16  # of it, each on data of its own
    lams: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)  # whose bias is measured
    cost_sizes: tuple[int, ...] = (8, 16, 32, 64)  # d at which the cost of learning is measured
    budgets: tuple[int, ...] = (125, 250, 500, 1000, 2000, 4000)  # steps a fit
    rare_sizes: tuple[int, ...] = (11, 22)  # d at which chains become as rare as powers of 1/d
    rare_steps: tuple[int, int] = (4000, 1500)  # a round there: at d^-1, and where they are rarer
    direct_sizes: tuple[int, ...] = (4, 6, 8, 10, 12)  # d that a transformer answers at once
    direct_steps: int = 1000

    def __post_init__(self) -> None:
        for name in _COUNTS:
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("lam", "star_lam", "chain_lam"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        steps = self.rare_steps
        require(
            len(steps) == 2 and min(steps) >= 1, "rare_steps", steps, "two whole numbers from 1"
        )
        require(self.rate_steps >= 512, "rate_steps", self.rate_steps, "512 or more")
        for name in ("sweep", "rare"):
            for p_cot in getattr(self, name):
                require(0 < p_cot < 1, name, p_cot, "numbers between 0 and 1")
        for lam in self.lams:
            require(lam > 0, "lams", lam, "numbers above 0")
        for name in _SEVERAL:
            values = getattr(self, name)
            require(len(set(values)) == len(values) > 0, name, values, "one or more, none twice")
        for name, sizes in (
            ("d", (self.d,)),
            ("sizes", self.sizes),
            ("cost_sizes", self.cost_sizes),
            ("rare_sizes", self.rare_sizes),
        ):
            for d in sizes:  # of the eight inputs of d = 3 none is held out for evaluation
                require(4 <= d <= MOST_BITS, name, d, f"whole numbers from 4 to {MOST_BITS}")

    @property
    def pretraining(self) -> LinearSGD:
        return LinearSGD(self.steps, self.batch, self.lam, self.lam, self.chain_lam)

    def with_patience(self, p_cot: float) -> "Settings":
        """Rows a step and samples a round in proportion to 1/p, as T ≥ T_l/p asks (Theorem 1).

        With as many for p = 0.02 as for p = 0.1, a third of the chains that are then written has a
        wrong step, and their odds do not double.
        """
        rarer = max(1, round(_COMMON / p_cot))
        return replace(self, batch=rarer * self.batch, samples=rarer * self.samples)

    @property
    def star(self) -> LinearSGD:
        lam = self.star_lam
        return LinearSGD(self.star_steps, self.batch, lam, lam, self.chain_lam)


def pretrain(
    settings: Settings, arm: str, seed: int, d: int, p_cot: float, sgd: LinearSGD, **factors: Factor
) -> Node:
    """Next-token prediction on D(p_cot), from zero."""
    evaluation = Evaluation(settings.problems, every=sgd.steps, samples=4)
    config = LinearFit(Parity(d), p_cot, sgd, evaluation)
    return Node(arm, "pretrain", config, seed, factors={"p_cot": p_cot, "d": d, **factors})


def star(settings: Settings, base: Node, sgd: LinearSGD, rounds: int) -> Node:
    """STaR with the chain reward, every round a new model from zero (Algorithm 1)."""
    assert isinstance(base.config, LinearFit)
    evaluation = Evaluation(settings.problems, every=1, samples=4)
    task = base.config.task
    config = LinearStar(task, "cot", rounds, settings.samples, sgd, evaluation)
    return Node(base.arm, "rl", config, base.seed, {"policy": base}, base.factors)


def likelihoods(settings: Settings, base: Node) -> Node:
    """The probability of the chain and of the short answer, input by input."""
    assert isinstance(base.config, LinearFit)
    config = Likelihood(base.config.task, settings.problems)
    return Node(base.arm, "likelihood", config, base.seed, {"policy": base}, base.factors)


def threshold(settings: Settings, seed: int) -> Iterator[Node]:
    """Theorem 1 over p_cot."""
    for p_cot in settings.sweep:
        arm, sgd = f"threshold p={p_cot:g}", settings.pretraining
        base = pretrain(settings, arm, seed, settings.d, p_cot, sgd, experiment="threshold")
        sampled = Respond(Parity(settings.d), settings.problems, samples=16)
        yield base
        yield Node(arm, "calibration", sampled, seed, {"policy": base}, base.factors)
        yield likelihoods(settings, base)


def dimensions(settings: Settings, seed: int) -> Iterator[Node]:
    """Theorem 1 over d, on either side of 1/3."""
    for d in settings.sizes:
        for p_cot in (0.2, 0.42):
            arm, sgd = f"d={d} p={p_cot:g}", settings.pretraining
            base = pretrain(settings, arm, seed, d, p_cot, sgd, experiment="dimensions")
            yield base
            yield likelihoods(settings, base)


def rounds(settings: Settings, seed: int) -> Iterator[Node]:
    """Theorem 2: STaR from ever rarer chains."""
    for p_cot in settings.rare:
        enough = settings.with_patience(p_cot)
        arm, sgd = f"rounds p={p_cot:g}", enough.star
        base = pretrain(enough, arm, seed, settings.d, p_cot, sgd, experiment="rounds")
        yield base
        yield likelihoods(enough, base)
        yield star(enough, base, sgd, flips_after(p_cot) + settings.extra_rounds)


def rates(settings: Settings, seed: int) -> Iterator[Node]:
    """Propositions 1-3: errors of the paper's SGD, a sample a step, as its steps double."""
    for d, lam in ((3, 1.0), (3, 0.3), (settings.d, 0.03)):  # all bounds say something, one, none
        sgd = LinearSGD(settings.rate_steps, 1, lam, lam, lam)
        config = LinearRates(Parity(d), 0.25, sgd, settings.replicas, looks=10)
        yield _of_rates(f"rates d={d} λ={lam:g}", "rates", config, seed)


def minibatches(settings: Settings, seed: int) -> Iterator[Node]:
    """The same for the study's own pretraining, many samples a step."""
    config = LinearRates(Parity(settings.d), 0.25, settings.pretraining, replicas=4, looks=8)
    yield _of_rates("rates of mini-batches", "minibatches", config, seed)


def biases(settings: Settings, seed: int) -> Iterator[Node]:
    """Propositions 1-3: what the regulariser alone takes away, after many steps."""
    for lam in settings.lams:
        sgd = LinearSGD(2**14, 64, lam, lam, lam)
        config = LinearRates(Parity(5), 0.2, sgd, replicas=4, looks=1)
        yield _of_rates(f"bias λ={lam:g}", "biases", config, seed)


def _of_rates(arm: str, experiment: str, config: LinearRates, seed: int) -> Node:
    sgd = config.sgd
    factors: dict[str, Factor] = {"experiment": experiment, "d": config.task.d}
    factors |= {"p_cot": config.p_cot, "batch": sgd.batch, "lam": sgd.stop, "chain": sgd.chain}
    return Node(arm, "rates", config, seed, factors=factors)


def cost(settings: Settings, seed: int) -> Iterator[Node]:
    """Next-token prediction and STaR from p_cot = 1/4 with ever more steps, as d grows.

    Samples of a round grow as d does: of 4,096, some 1,000 chains, a fit at d = 64 brought 95 to
    97 % of answers right, whatever its steps.
    """
    for d in settings.cost_sizes:
        enough = replace(settings, samples=settings.samples * d // min(settings.cost_sizes))
        for steps in settings.budgets:
            arm, sgd = f"d={d} T={steps}", replace(settings.star, steps=steps)
            factors: dict[str, Factor] = {"experiment": "cost", "budget": steps, "batch": sgd.batch}
            base = pretrain(settings, arm, seed, d, 0.25, sgd, **factors)
            yield base
            yield star(enough, base, sgd, rounds=3)


def exponential(settings: Settings, seed: int) -> Iterator[Node]:
    """Chains as rare as d^-1 and d^-2, each at its power's budget, and as 2^-d at that of d^-2."""
    for d in settings.rare_sizes:
        for rarity, p_cot, power in (("d⁻¹", 1 / d, 1), ("d⁻²", d**-2.0, 2), ("2⁻ᵈ", 2.0**-d, 2)):
            few = replace(settings, star_steps=settings.rare_steps[power - 1])
            enough = few.with_patience(float(d) ** -power)
            rounds = flips_after(float(d) ** -power) + settings.extra_rounds
            factors: dict[str, Factor] = {"experiment": "exponential", "rarity": rarity}
            base = pretrain(enough, f"d={d} p={rarity}", seed, d, p_cot, enough.star, **factors)
            yield base
            yield star(enough, base, enough.star, rounds)


def direct(settings: Settings, seed: int) -> Iterator[Node]:
    """A transformer on short answers alone: parity without a chain."""
    for d in settings.direct_sizes:
        task = Parity(d)
        steps = settings.direct_steps
        config = Supervise(
            task=task,
            mixture=parity_mixture(0.0),
            steps=steps,
            batch=128,
            optimizer=Optimizer(1e-3, warmup=min(50, steps)),
            evaluation=Evaluation(64, every=steps),
            model=mistral_style(len(task.alphabet), 64, 2, 2 * d + 2, head_dim=16),
        )
        factors: dict[str, Factor] = {"experiment": "direct", "d": d}
        base = Node(f"direct d={d}", "direct", config, seed, factors=factors)
        # On what it is trained on: at small d a few inputs held out cannot be guessed from others.
        asked = Respond(task, settings.problems, temperature=0.0, split="train")
        yield base
        yield Node(base.arm, "answers", asked, seed, {"policy": base}, factors)


EXPERIMENTS = {
    function.__name__: function
    for function in (
        threshold, dimensions, rounds, rates, minibatches, biases, cost, exponential, direct
    )
}  # fmt: skip


def plan(settings: Settings) -> list[Node]:
    """Every stage of the experiments that the settings name, seed by seed."""
    return seed_by_seed(settings, EXPERIMENTS)


FULL = Settings(experiments=())

study = Study(
    name="linear_theory",
    title="The theory of parity from rare chains, measured on linear models",
    paper="How Reinforcement Learning After Next-Token Prediction Facilitates Learning, "
    "arXiv 2510.11495",
    summary="Linear autoregressive models are fit by averaged SGD and post-trained by STaR, as the "
    "theorems have it; every bound is drawn beside what it bounds.",
    presets={
        "quick": {
            "": replace(
                FULL,
                experiments=("threshold", "rates", "rounds"),
                sweep=(0.28, 0.42),
                rare=(0.25, 0.05),
            )
        },
        "full": {
            "core": replace(FULL, experiments=("threshold", "rates", "biases", "rounds")),
            "rare": replace(FULL, experiments=("exponential",)),
            "sizes": replace(FULL, experiments=("dimensions", "minibatches")),
            "cost": replace(FULL, experiments=("cost", "direct")),
        },
    },
    plan=plan,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
)
