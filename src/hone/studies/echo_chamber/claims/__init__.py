"""The sentences that the study decides, each with its statistic and its rule.

Regions are those of §13.6 of the reproduction's specification; where it names none, or they are of
longer runs, they were set before the runs that decide them.
"""

from hone.studies.echo_chamber.claims.algorithms import ALGORITHMS
from hone.studies.echo_chamber.claims.collapse import COLLAPSE, VARIETY
from hone.studies.echo_chamber.claims.maths import MATHS
from hone.studies.echo_chamber.claims.repeats import REPEATS
from hone.studies.echo_chamber.claims.scale import SCALE
from hone.studies.echo_chamber.claims.transfer import TRANSFER
from hone.studies.echo_chamber.claims.winner import OPTIMUM, WINNER
from hone.studies.echo_chamber.claims.within import WITHIN_FORMATS

CLAIMS = (
    *COLLAPSE,
    *WINNER,
    *OPTIMUM,
    *VARIETY,
    *WITHIN_FORMATS,
    *SCALE,
    *ALGORITHMS,
    *REPEATS,
    *TRANSFER,
    *MATHS,
)
