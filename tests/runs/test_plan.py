"""A plan's order: equal stages once, and what most waits for first."""

from hone.runs.plan import most_urgent_first, unique
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
