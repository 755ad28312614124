import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.measures import accuracy, accuracy_change, by, majority_at_k, pass_at_k, pass_at_k_curve
from hone.measures.accuracy import majority_credit
from hone.measures.intervals import clopper_pearson

GRADES = ("correct", "incorrect", "unscorable")


def table(*rows: tuple) -> pl.DataFrame:
    """Rows of (problem, grade, answer) of one unnamed seed."""
    return pl.DataFrame(rows, schema=["problem_id", "grade", "answer"], orient="row")


def study(seeds: int = 3, problems: int = 20, samples: int = 4, chance: float = 0.6):
    n = seeds * problems * samples
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "seed": np.repeat(np.arange(seeds), problems * samples),
            "problem_id": np.tile(np.repeat(np.arange(problems), samples), seeds).astype(str),
            "grade": np.where(rng.random(n) < chance, "correct", "incorrect"),
            "answer": rng.integers(0, 4, n).astype(str),
        }
    )


def test_accuracy_weighs_problems_equally_and_leaves_out_unscorable():
    rows = [("a", "correct", "1"), ("a", "incorrect", "2"), ("a", "unscorable", None)]
    estimate = accuracy(table(*rows, ("b", "correct", "1"), ("c", "unscorable", None)))
    assert estimate.value == pytest.approx(0.75)
    assert estimate.note.startswith("2 of 5 responses left out")
    assert estimate.seeds == ()


def test_accuracy_of_single_samples_is_clopper_pearson():
    one = study(seeds=1, samples=1)
    correct = one.filter(grade="correct").height
    for rows, seeds in ((one, (0,)), (one.drop("seed"), ())):
        estimate = accuracy(rows)
        assert estimate.interval == clopper_pearson(correct, 20)
        assert estimate.seeds == seeds


def test_accuracy_over_seeds_is_the_mean_of_the_seeds():
    rows = study()
    estimate = accuracy(rows)
    assert estimate.value == pytest.approx((rows["grade"] == "correct").mean())
    assert estimate.seeds == (0, 1, 2)
    assert estimate.method == "t over 3 seeds, with an interval over problems"


def test_all_unscorable_is_undefined():
    estimate = accuracy(table(("a", "unscorable", None)))
    assert math.isnan(estimate.value)
    assert estimate.interval is None


@pytest.mark.parametrize(
    "measure",
    [
        accuracy,
        lambda rows: pass_at_k_curve(rows, [1, 2, 4]),
        lambda rows: majority_at_k(rows, 3),
    ],
)
@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_order_of_rows_does_not_matter(measure, seeds):
    rows = study(seeds)
    assert measure(rows) == measure(rows.sample(fraction=1, shuffle=True, seed=1))


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"accuracy needs column 'grade'; the table has \['seed'"):
        accuracy(study().drop("grade"))
    with pytest.raises(UsageError, match="majority@k needs column 'answer', which is null"):
        majority_at_k(study().with_columns(answer=pl.lit(None, pl.String)), 1)
    with pytest.raises(UsageError, match="no rows"):
        accuracy(study().clear())


def test_an_unknown_grade_is_refused():
    with pytest.raises(UsageError, match="did you mean 'correct'"):
        accuracy(table(("a", "Correct", "1")))


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.data())
def test_pass_at_k_equals_enumeration(counts, data):
    n, c = counts
    k = data.draw(st.integers(1, n))
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    expected = sum(map(any, draws)) / len(draws)
    assert pass_at_k(np.array([c]), n, k)[0] == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_with_unequal_samples_and_many():
    together = pass_at_k(np.array([1, 3]), np.array([4, 7]), 2)
    assert together == pytest.approx([1 / 2, 1 - 4 * 3 / (7 * 6)])
    assert pass_at_k(np.array([0, 1, 1000]), 1000, 1000).tolist() == [0, 1, 1]
    with pytest.raises(UsageError, match="k = 5"):
        pass_at_k(np.array([1, 3]), np.array([4, 7]), 5)


def test_pass_at_1_is_accuracy():
    rows = study()
    assert pass_at_k_curve(rows, [1])[1].value == pytest.approx(accuracy(rows).value)


def test_pass_at_k_leaves_out_problems_with_fewer_samples():
    rows = table(*[("a", "correct", "1")] * 3, *[("b", "incorrect", "1")] * 2)
    curve = pass_at_k_curve(rows, [2, 3])
    assert curve[2].value == 0.5
    assert curve[3].value == 1
    assert curve[3].note == "1 of 2 problems have fewer than 3 samples"
    with pytest.raises(UsageError, match="k = 4"):
        pass_at_k_curve(rows, [4])


def credit_of(draw: tuple, worth: dict[int, float]) -> float:
    answers = [answer for answer in draw if answer is not None]
    most = max(map(answers.count, answers), default=0)
    winners = [answer for answer in set(answers) if answers.count(answer) == most]
    return sum(worth[answer] for answer in winners) / len(winners) if winners else 0.0


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0])), max_size=4),
    st.integers(0, 3),
    st.data(),
)
@settings(max_examples=60)
def test_majority_equals_enumeration(answers, silent, data):
    votes, credit = (
        (tuple(column) for column in zip(*answers, strict=True)) if answers else ((), ())
    )
    samples = [i for i, (m, _) in enumerate(answers) for _ in range(m)] + [None] * silent
    samples = samples[:9]
    if not samples:
        return
    votes = tuple(samples.count(i) for i in range(len(votes)))
    k = data.draw(st.integers(1, len(samples)))
    draws = list(itertools.combinations(samples, k))
    expected = sum(credit_of(draw, dict(enumerate(credit))) for draw in draws) / len(draws)
    silent = samples.count(None)
    assert majority_credit(votes, credit, silent, k) == pytest.approx(expected, abs=1e-12)


def test_majority_of_many_samples_stays_a_probability():
    credit = majority_credit((200, 170, 130), (1.0, 0.0, 0.0), 0, 64)
    assert 0.5 < credit < 1
    assert majority_credit((64,), (1.0,), 0, 64) == pytest.approx(1)
    with pytest.raises(UsageError, match="samples of a problem = 1001"):
        majority_credit((1001,), (1.0,), 0, 1)


def test_majority_reads_answers_from_the_table():
    rows = table(
        *[("a", "correct", "1")] * 2, *[("a", "incorrect", "2")] * 2, ("a", "incorrect", None)
    )
    assert majority_at_k(rows, 5).value == pytest.approx(0.5)  # a tie is shared
    silent = table(("a", "incorrect", ""), ("a", "incorrect", ""), ("a", "correct", "1"))
    assert majority_at_k(silent, 3).value == pytest.approx(1)  # no answer, no vote
    assert majority_at_k(silent, 1).value == pytest.approx(1 / 3)


def test_majority_of_one_is_accuracy_where_all_answer():
    rows = study().with_columns(
        answer=pl.when(pl.col("grade") == "correct").then(pl.lit("right")).otherwise("answer")
    )
    assert majority_at_k(rows, 1).value == pytest.approx(accuracy(rows).value)


def test_by_measures_each_group():
    rows = study()
    grouped = by(rows, ["seed"], accuracy)
    assert list(grouped) == [(0,), (1,), (2,)]
    assert grouped[(1,)] == accuracy(rows.filter(pl.col("seed") == 1))


def test_a_change_of_accuracy_is_paired_and_the_difference_of_means():
    before, after = study(chance=0.4), study(chance=0.7)  # the same draws, so every change is up
    found = accuracy_change(after, before)
    assert found.value == pytest.approx(accuracy(after).value - accuracy(before).value)
    assert found.seeds == (0, 1, 2)
    assert accuracy_change(before, after).value == pytest.approx(-found.value)
    same = accuracy_change(after, after)
    assert found.interval is not None
    assert (same.value, found.interval[0] > 0) == (0.0, True)


def test_a_change_of_accuracy_leaves_out_what_one_side_lacks():
    whole = study()
    part = whole.filter(pl.col("problem_id").is_in(["1", "2", "3"]))
    assert accuracy_change(part, whole).value == 0.0
    with pytest.raises(UsageError, match="problems in common"):
        accuracy_change(part, whole.filter(~pl.col("problem_id").is_in(["1", "2", "3"])))
