"""What must hold before the first update of every RL run."""

import math

import numpy as np

from hone.core.contracts import Policy, Problems, Responses, SamplingProtocol
from hone.core.errors import Diverged


def check_start(
    policy: Policy, problems: Problems, responses: Responses, protocol: SamplingProtocol
) -> float:
    """Sampler and trainer must agree, and groups must be sound.

    The largest gap between sampled and scored log-probabilities bounds the ratio's distance from
    one; within rounding, no ratio can be clipped.

    Returns:
        How large a gap may be that is rounding; infinite where there is no bound.

    Raises:
        Diverged: a group is not `samples` answers to one prompt, or the gap is beyond rounding.
    """
    group, temperature = protocol.samples, protocol.temperature
    rows = responses.prompt_rows
    sizes = np.bincount(rows, minlength=len(problems))
    if not (sizes == group).all() or len(responses.tokens) != group * len(problems):
        raise Diverged(f"start-up check: groups of {sorted(set(sizes))} responses, not of {group}")
    if protocol.top_p < 1:
        return math.inf  # nucleus samples have no density that the trainer's could be compared with
    scored = policy.score(problems.prompts, responses, temperature)
    gap = float((np.abs(scored - responses.logprobs) * responses.tokens.mask).max())
    bound = policy.tolerance(problems.prompts, responses, temperature)
    check_gap(gap, bound)
    return bound


def check_gap(gap: float, bound: float) -> None:
    """What is scored, or trained on, has the log-probabilities that it was sampled with.

    Raises:
        Diverged: the gap is beyond the bound.
    """
    if not gap <= bound:
        raise Diverged(
            f"start-up check: sampled and recomputed log-probabilities differ by {gap:.2e}, "
            f"beyond rounding ({bound:.2e}); sampler and trainer do not run the same model"
        )
