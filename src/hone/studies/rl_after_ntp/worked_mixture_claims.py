"""What the study of word problems claims beside what every mixture does: scales of the model."""

from functools import partial

from hone.measures import AtLeast, Estimate
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_claims import LITTLE, claims
from hone.studies.rl_after_ntp.mixture_statistics import gain, measured_on
from hone.studies.study import Claim, Measure, cited

_claim = partial(cited, "arXiv 2510.11495")


def lifted_at(scale: str) -> Measure:
    """Greedy accuracy after GRPO minus before, of a decoder of this scale."""

    @measured_on("scales", scale=scale)
    def measure(results: Results) -> Estimate | None:
        return gain(results.select(stage="rl"), results.select(stage="pretrain"))

    return measure


CLAIMS: tuple[Claim, ...] = (
    *claims("§5, GSM8K and MATH"),
    *(
        _claim(
            f"{name}_scale_is_lifted",
            "§5, two models",
            f"RL lifts the {name} of two models.",
            "greedy accuracy after GRPO minus before",
            AtLeast(LITTLE),
            lifted_at(scale),
        )
        for name, scale in (("smaller", "2x64"), ("larger", "3x96"))
    ),
)
