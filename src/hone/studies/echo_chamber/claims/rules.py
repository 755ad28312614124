"""From where on a change counts, and what claims are called after."""

from functools import partial

from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.study import cited

GREEDILY = f"{GREEDY} after"
SLOWER = "a third of the learning rate"
STILL = 0.02  # of accuracy, up to which a change counts as none
ALIKE = 0.05  # of accuracy, up to which two runs count as alike
FACTOR_OF_TWO = 0.7  # in nats
claim = partial(cited, "Echo Chamber (arXiv 2504.07912)")
