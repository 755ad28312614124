"""A format of your own in the echo chamber: `hone run examples/fourth_format.py [key=value]`.

A format says which words its solutions are made of and how they begin, writes them, and reads what
a model has written. Everything else - corpora, RL, measures, figures - takes it as it comes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hone.runs.plan import Node
from hone.studies.echo_chamber.arms import Settings, post_train, pretrain, with_rl
from hone.studies.echo_chamber.figures import FIGURES
from hone.studies.echo_chamber.mixtures import Mixture
from hone.studies.study import Study, seed_by_seed
from hone.tasks.word_problems.corpus import BACKGROUND, Source
from hone.tasks.word_problems.formats import FORMATS, calculation
from hone.tasks.word_problems.story import Attempt, Story
from hone.tasks.word_problems.wording import spelled


@dataclass(frozen=True)
class Ledger:
    """A line for every quantity, with what it is made of, and the answer on the last line."""

    name: str = "ledger"

    answer_mark = "Balance: "
    words = ("Ledger\n", ": ", "\n", answer_mark, " = ", " + ", " - ", " * ", " // ")
    openings = (("Ledger\n",),)

    def write(self, story: Story) -> list[str]:
        """A solution in words."""
        written = ["Ledger\n"]
        for step in story.steps:
            written += [step.name, ": "]
            if step.source:
                written += [*calculation(step, spelled(step.left), spelled(step.right)), " = "]
            written += [*spelled(step.value), "\n"]
        return [*written, self.answer_mark, *spelled(story.answer)]

    def read(self, text: str) -> Attempt | None:
        """What a response says; None where it is no ledger."""
        if not text.startswith("Ledger\n"):
            return None
        lines = re.findall(r"^(\w+): (?:.* = )?(-?\d+)$", text, re.MULTILINE)
        values = tuple((name, int(value)) for name, value in lines)
        balance = [value for name, value in values if name == "Balance"]
        return Attempt(balance[-1] if balance else None, values)


LEDGERS = Mixture(
    (
        Source("program", 0.2),
        Source("tagged", 0.2, wrong=0.3),
        Source("text", 0.2),
        Source("ledger", 0.3),
        Source(BACKGROUND, 0.1),
    ),
    (*FORMATS, Ledger()),
)


def ledgers(settings: Settings, seed: int) -> Iterable[Node]:
    """A model that has read ledgers beside the other formats, and RL from it."""
    base = pretrain(settings, seed, "ledgers", LEDGERS)
    return with_rl(settings, base, post_train(settings, base, "ledgers", experiment="collapse"))


SETTINGS = Settings(("ledgers",), seeds=(0,))
study = Study(
    name="fourth_format",
    title="A ledger among the formats",
    paper="hone's own",
    summary="RL from a model that has read programs, tagged code, sentences and ledgers.",
    presets={"quick": {"": SETTINGS}, "full": {"": replace(SETTINGS, seeds=(1, 2, 3))}},
    plan=lambda settings: seed_by_seed(settings, {"ledgers": ledgers}),
    figures=FIGURES,
)
