"""Claims on RL on GSM8K, of models that read the paper's corpora or come from elsewhere."""

from hone.measures import AtLeast
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.claims.rules import STILL, claim
from hone.studies.echo_chamber.measured.comparisons import change_of
from hone.studies.echo_chamber.measured.formats import passed, right
from hone.studies.echo_chamber.measured.selection import ONE_CORPUS

MATHS = (
    claim(
        "gsm8k_rises",
        "§3.1, Fig. 2",
        "RL on GSM8K makes its held-out problems come right more often.",
        "greedy accuracy on GSM8K's test set after RL minus before, all mixtures",
        AtLeast(STILL),
        change_of(right, GREEDY, asked="GSM8K"),
    ),
    claim(
        "one_corpus_rises",
        "§3.3, Fig. 6",
        "So it does where one corpus alone was read.",
        "greedy accuracy on GSM8K's test set after RL minus before, TinyGSM alone",
        AtLeast(STILL),
        change_of(right, GREEDY, **ONE_CORPUS),
    ),
    claim(
        "math_rises",
        "§4, Table 1",
        "RL on GSM8K helps with MATH-500.",
        "greedy accuracy on MATH-500 after RL minus before, all mixtures",
        AtLeast(0.0),
        change_of(right, f"hard {GREEDY}", asked="GSM8K"),
        reported=0.078,
    ),
    claim(
        "aime_in_variety",
        "App. H, Tables 4 to 6",
        "RL on GSM8K makes one of many answers to AIME right more often.",
        "pass@k on AIME after RL minus before, all mixtures",
        AtLeast(0.0),
        change_of(passed, "hardest", asked="GSM8K"),
    ),
)
