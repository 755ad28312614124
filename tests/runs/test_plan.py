"""A plan's order: equal stages once, and what most waits for first."""

import pytest

from hone.core.errors import UsageError
from hone.objectives.algorithms import grpo
from hone.objectives.rewards import Learned
from hone.runs.plan import Node, most_urgent_first, unique
from hone.tasks.parity import Parity
from hone.training.configs import Evaluation, Optimizer, PostTrain, Respond
from tests.runs.toy import Toy, node


def test_equal_stages_are_one_and_inputs_come_first() -> None:
    base = node(Toy("base"), arm="a")
    again = node(Toy("base"), arm="b")
    nodes = [node(Toy("after"), policy=base), again]
    assert [each.stage for each in unique(nodes)] == ["base", "after"]


def test_the_start_of_the_longest_chain_goes_first() -> None:
    short = node(Toy("short"))
    first = node(Toy("first"))
    second = node(Toy("second"), policy=first)
    third = node(Toy("third"), policy=second)
    order = [each.stage for each in most_urgent_first([short, third])]
    assert order.index("first") == 0
    assert order.index("second") < order.index("third")
    assert len(order) == 4


def test_a_stage_without_what_it_stands_on_is_refused_in_the_plan() -> None:
    task, base = Parity(4), node(Toy("base"))
    rl = PostTrain(task, grpo(), ((1.0, Learned()),), 2, 2, 2, Optimizer(1e-3), Evaluation(2, 1))
    with pytest.raises(UsageError, match="stages for policy, reward_model"):
        Node("arm", "rl", rl, 0, {"policy": base})
    with pytest.raises(UsageError, match="stages for policy"):
        Node("arm", "respond", Respond(task, 4), 0)
    Node("arm", "rl", rl, 0, {"policy": base, "reward_model": base})
