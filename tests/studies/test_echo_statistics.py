"""What is measured of a run of the echo chamber is what it says."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.studies.echo_chamber.measured import (
    course,
    endings,
    formats,
    gain,
    likelihood,
    optimum,
    winners,
)
from tests.studies.made_up import Runs
from tests.studies.made_up_answers import answers, run_of, table


def test_shares_winners_and_entropy() -> None:
    rows = table(strategy=["program"] * 6 + ["tagged"] * 3 + ["other"])
    assert formats.shares(rows) == {"program": 0.6, "tagged": 0.3, "other": 0.1}
    assert formats.winner(rows) == "program"
    assert formats.of_winner(rows.with_columns(seed=1))["hits"].mean() == 0.6
    assert formats.formats_of(rows) == ["program", "tagged", "other"]
    expected = -sum(share * math.log(share) for share in (0.6, 0.3, 0.1))
    assert formats.entropy(rows) == pytest.approx(expected)


def test_the_most_accurate_format_is_not_one_that_hardly_occurs() -> None:
    strategies = ["program"] * 40 + ["tagged"] * 40 + ["text"] * 2
    right = [True] * 20 + [False] * 20 + [True] * 10 + [False] * 30 + [True] * 2
    rows = table(strategy=strategies, grade=["correct" if each else "incorrect" for each in right])
    assert formats.most_accurate(rows) == "program"


def test_odds_are_of_shares_of_accuracies_or_of_right_answers() -> None:
    """Forty programs, of which ten are right, against twenty tagged ones, all of them right."""
    rows = table(
        strategy=["program"] * 40 + ["tagged"] * 20,
        grade=["correct"] * 10 + ["incorrect"] * 30 + ["correct"] * 20,
    )
    assert winners.odds_of_programs(rows, "share") == pytest.approx(math.log(40.5 / 20.5))
    by_product = winners.odds_of_programs(rows, "share × accuracy")
    assert by_product == pytest.approx(math.log(10.5 / 20.5))
    by_accuracy = winners.odds_of_programs(rows, "accuracy")
    assert by_accuracy == pytest.approx(by_product - winners.odds_of_programs(rows, "share"))


@pytest.mark.parametrize(
    ("most", "right", "time", "part"),
    [
        ([0.4, 0.7, 0.95, 0.99], [0.2, 0.3, 0.4, 0.45], 20.0, 0.8),
        ([0.4, 0.5, 0.6, 0.7], [0.2, 0.3, 0.4, 0.45], 40.0, 0.0),  # never: one look beyond
        ([0.4, 0.95, 0.95, 0.99], [0.2, 0.2, 0.4, 0.6], 10.0, 0.0),
        ([0.4, 0.95, 0.95, 0.99], [0.4, 0.5, 0.4, 0.4], 10.0, 0.0),  # nothing gained
    ],
)
def test_when_a_run_collapses_and_what_it_has_gained_by_then(
    most: list[float], right: list[float], time: float, part: float
) -> None:
    found = course.Course(np.array([0, 10, 20, 30]), np.array(most), np.array(right))
    assert found.collapse_time == time
    assert found.collapsed_by == time / 30
    assert found.gain_by_collapse == pytest.approx(part)


def test_the_optimum_weighs_what_is_right() -> None:
    """By hand: a problem of four responses, and one where nothing is right."""
    rows = table(
        strategy=["program", "program", "tagged", "text", "program", "tagged", "tagged", "tagged"],
        grade=["correct", "incorrect", "correct", *["incorrect"] * 5],
        problem_id=["a"] * 4 + ["b"] * 4,
        seed=[1] * 8,
    )
    found = optimum.optimal_shares(rows, kl=0.5)
    right = math.exp(2)
    first = {"program": right + 1, "tagged": right, "text": 1.0}
    total = sum(first.values())
    second = {"program": 0.25, "tagged": 0.75, "text": 0.0}
    for name, share in found.items():
        assert share == pytest.approx((first[name] / total + second[name]) / 2)
    assert optimum.distance(found, formats.shares(rows)) > 0
    assert optimum.distance(formats.shares(rows), formats.shares(rows)) == 0
    large = optimum.optimal_shares(rows, kl=1e6)
    assert optimum.distance(large, formats.shares(rows)) == pytest.approx(0, abs=1e-5)


def test_what_a_penalised_policy_can_come_to(tmp_path: Path) -> None:
    """By enumeration of two responses to each problem: no policy has more than the optimum."""
    kl = 0.5
    made = Runs(tmp_path)
    before = pl.concat([answers(1, 0.5, samples=2), answers(0, 0, format="text", samples=2)])
    last = answers(1, 0.5, samples=2)
    scores = last.select("problem_id", "sample", step=1, k1=pl.Series([0.2, 0.4, 0.6, 0.8]))
    for stage, name, rows in (
        ("before", "evaluation", before),
        ("after", "evaluation", last),
        ("rl", "train", last),
        ("drift", "scores", scores),
    ):
        made.add(stage, 1, {f"{name}-000001": rows}, base=1, repeat=1, experiment="optimum", kl=kl)
    assert optimum.worth_before(made.results) == pytest.approx(3 / 8)
    assert optimum.worth_after(made.results) == pytest.approx(3 / 4 - kl * 0.5)
    assert optimum.worth_in_formats(made.results) == {"program": pytest.approx(0.5)}
    right = np.array([[1, 1, 0, 0], [1, 0, 0, 0]])
    for policy in np.random.default_rng(0).dirichlet(np.ones(4), size=(50, 2)):
        cost = (policy * np.log(policy * 4)).sum(axis=1)
        worth = ((policy * right).sum(axis=1) - kl * cost).mean()
        assert worth < optimum.worth_of_optimum(made.results)
    for program in np.linspace(0.01, 0.99, 50):
        cost = program * np.log(2 * program) + (1 - program) * np.log(2 * (1 - program))
        assert program * 3 / 4 - kl * cost <= optimum.worth_of_mixed(made.results) + 1e-9


def test_likelihood_is_that_before_rl(tmp_path: Path) -> None:
    """A quarter of the last round has left the range of the first, whatever RL thinks of it."""
    made = Runs(tmp_path)
    first, own, ratio = np.linspace(-1, -0.1, 20), np.full(20, -0.1), np.zeros(20)
    ratio[:5] = 2.9  # log-probabilities of -3 before RL
    rounds, scores = {}, {}
    for step, logprob, k1 in ((1, first, 0 * ratio), (60, own, ratio)):
        each = [{"problem_id": f"p{i}", "sample": 0, "strategy": "program", "logprobs": [value]}
                for i, value in enumerate(logprob)]  # fmt: skip
        rounds[f"train-{step:06d}"] = pl.DataFrame(each)
        kept = pl.DataFrame(each).select("problem_id", "sample", k1=pl.Series(k1), step=step)
        scores[f"scores-{step:06d}"] = kept
    made.add("rl", 1, rounds, base=1, repeat=1)
    made.add("drift", 1, scores, base=1, repeat=1)
    assert likelihood.typical(made.results) == 0.75
    likelier = np.mean(own - ratio) - np.mean(first)
    assert likelihood.likelier(made.results) == pytest.approx(likelier)


def test_a_fall_is_from_an_earlier_mean_over_rounds() -> None:
    rewards = np.array([0.2] * 5 + [0.8] * 5 + [0.3] * 5 + [0.9] * 5)
    assert course.largest_fall(rewards) == pytest.approx(0.5)
    assert course.largest_fall(np.linspace(0, 1, 20)) == 0
    one_bad_round = np.array([0.5] * 10 + [0.0] + [0.5] * 10)
    assert course.largest_fall(one_bad_round) == pytest.approx(0.1)
    assert math.isnan(course.largest_fall(np.array([0.2, 0.9, 0.1])))  # of expert iteration


def test_a_program_invents_names_that_its_problem_does_not_have() -> None:
    problem = "Eva has 6 pens. Kim has 3 more than Eva. How many has Kim?"
    told = "def simple_math_problem() -> int:\n    Eva = 6\n    Kim = Eva + 3\n    return Kim"
    assert not likelihood.invents(told, problem)
    assert likelihood.invents(told.replace("Kim", "Hugo"), problem)
    assert likelihood.invents(told.replace("Kim", "Ki"), problem)  # a word, not a part of one


def test_accuracy_falls_from_an_earlier_look(tmp_path: Path) -> None:
    """Greedy answers, of which a quarter, all, half and three quarters are right; samples apart."""
    made = Runs(tmp_path)
    looks = {}
    for step, share in enumerate((0.25, 1.0, 0.5, 0.75)):
        greedy = answers(share).with_columns(step=step, temperature=0.0)
        sampled = answers(0.0 if step else 1.0).with_columns(step=step, temperature=1.0)
        looks[f"evaluation-{step:06d}"] = pl.concat([greedy, sampled])
    made.add("rl", 1, looks, base=1, repeat=1)
    assert course.fall_of_accuracy(made.results) == pytest.approx(0.5)


def test_what_is_forgotten_of_a_format_that_is_given_up_is_no_loss(tmp_path: Path) -> None:
    """All becomes programs, which get better by 0.2; tagged code, forced, is no longer known."""
    made = Runs(tmp_path)
    before = pl.concat([answers(*[0.5] * 8), answers(*[0.5] * 8, format="tagged").with_columns(
        pl.col("sample") + 4)])  # fmt: skip
    run_of(made, 1, 1, before=before, after=answers(*[0.75] * 8, samples=8),
           before_program=answers(*[0.5] * 8), after_program=answers(*[0.75] * 8),
           before_tagged=answers(*[0.5] * 8, format="tagged"),
           after_tagged=answers(*[0.0] * 8, format="tagged"))  # fmt: skip
    assert gain.choosing(made.results) == pytest.approx(0)
    assert gain.refining(made.results) == pytest.approx(0.25)
    midpoints = gain.decomposition(made.results)
    assert midpoints.improvement.value == pytest.approx(0.75 * 0.25 - 0.25 * 0.5)


def test_a_ratio_of_lengths_is_of_one_format(tmp_path: Path) -> None:
    """Programs go from four tokens to two; that text is longer says nothing."""
    made = Runs(tmp_path)
    for stage, length in (("hard before", 4), ("hard after", 2)):
        programs = answers(0.5).with_columns(response_ids=pl.Series([[1] * length] * 4))
        text = answers(0.5, format="text").with_columns(response_ids=pl.Series([[1] * 9] * 4))
        made.add(stage, 1, {"evaluation-000001": pl.concat([programs, text])}, base=1,
                 repeat=1)  # fmt: skip
    assert endings.length_ratio(made.results, "hard", "program") == 0.5
    assert endings.length_ratio(made.results, "hard", "text") == 1
    assert math.isnan(endings.length_ratio(made.results, "hard", "tagged"))


def test_a_response_is_cut_short_that_has_less_than_its_chain() -> None:
    """Two steps have three quantities, the first in words in a text; what was cut off is out."""
    short, whole = "a = 1\nb = a + 1\nreturn b", "a = 1\nb = a + 1\nc = b * 2\nreturn c"
    rows = table(
        response_text=[short, whole, whole, short, "Ada has 1. Ben has 1 + 1 = 2. It is 4 = 2.",
                       "Ada has 1. Ben has 1 + 1 = 2."],
        strategy=["program", "tagged", "program", "program", "text", "text"],
        finish=["stop"] * 3 + ["length"] + ["stop"] * 2,
        difficulty=[2, 2, 1, 2, 2, 2], seed=[1] * 6,
    )  # fmt: skip
    credits = formats.cut_short(rows)
    assert dict(credits.select("problem_id", "hits").iter_rows()) == {
        "p0": 1, "p1": 0, "p2": 0, "p4": 0, "p5": 1
    }  # fmt: skip


def test_without_copies_a_format_that_repeats_itself_loses(tmp_path: Path) -> None:
    """Of two problems: three equal right programs, two different right texts, and a wrong one."""
    made = Runs(tmp_path)
    rows = pl.DataFrame({
        "problem_id": ["a", "a", "a", "a", "a", "b"], "step": [1] * 6,
        "strategy": ["program"] * 3 + ["text"] * 2 + ["program"],
        "response_text": ["x = 1"] * 3 + ["one", "just one", "x = 1"],
        "grade": ["correct"] * 5 + ["incorrect"],
    })  # fmt: skip
    made.add("rl", 1, {"train-000001": rows}, base=1, repeat=1)
    lost = course.lost_with_copies(made.results, "program")
    assert lost == pytest.approx(3 / 5 - 1 / 3)


def test_what_is_chosen_of_a_gain_does_not_depend_on_its_size(tmp_path: Path) -> None:
    """All becomes programs, from half; they are right more often than tagged code, and improve."""
    for name, better in (("small", 0.125), ("large", 0.25)):
        made = Runs(tmp_path / name)
        before = pl.concat([
            answers(*[2 * better] * 8, samples=8),
            answers(*[0.0] * 8, format="tagged", samples=8).with_columns(pl.col("sample") + 8),
        ])  # fmt: skip
        run_of(made, 1, 1, before=before, after=answers(*[3 * better] * 8, samples=16),
               before_program=answers(*[2 * better] * 8, samples=8),
               after_program=answers(*[3 * better] * 8, samples=8),
               before_tagged=answers(*[0.0] * 8, format="tagged", samples=8),
               after_tagged=answers(*[0.0] * 8, format="tagged", samples=8))  # fmt: skip
        chosen, refined = gain.chosen_and_refined(made.results)
        assert chosen == pytest.approx(refined) != 0
        assert gain.known_from_problems(made.results) >= 0


def test_late_shares_are_of_the_last_quarter_of_rounds(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    formats = ["text"] * 5 + ["tagged", "program", "program"]
    tables = {f"train-{step:06d}": answers(0.5, format=format).with_columns(step=step)
              for step, format in enumerate(formats, 1)}  # fmt: skip
    made.add("rl", 1, tables, base=1, repeat=1)
    assert optimum.late_shares(made.results) == {"program": 1}
    assert optimum.still_moving(made.results) == 1
    few = Runs(tmp_path / "few")
    few.add("rl", 1, {"train-000001": answers(0.5).with_columns(step=1)}, base=1, repeat=1)
    assert math.isnan(optimum.still_moving(few.results))


def test_what_is_learned_from_is_counted_as_often_as_it_is(tmp_path: Path) -> None:
    """Half of eight twice, nothing of the next eight, for want of right answers."""
    made = Runs(tmp_path)
    rounds = [{"step": 0}, {"step": 1, "reward": 0.5, "drawn": 8, "kept": 0.5, "epochs": 2},
              {"step": 2, "reward": 0, "drawn": 8, "kept": 0}]  # fmt: skip
    made.add("rl", 1, {}, rounds, base=1, repeat=1)
    assert course.drawn(made.results) == 16
    assert course.learned_from(made.results) == 8
    nothing = Runs(tmp_path / "nothing")
    nothing.add("rl", 1, {}, rounds[::2], base=1, repeat=1)
    assert course.learned_from(nothing.results) == 0


def test_a_choice_of_formats_alone_goes_less_far_than_one_of_responses() -> None:
    """Half of the programs are right and nothing else: by hand."""
    rows = table(strategy=["program", "program", "text", "text"], seed=[1] * 4,
                 grade=["correct", "incorrect", "incorrect", "incorrect"],
                 problem_id=["a"] * 4)  # fmt: skip
    mixed = optimum.mixed_shares(rows, kl=0.5)
    assert mixed["program"] == pytest.approx(math.e / (math.e + 1))
    assert mixed["program"] < optimum.optimal_shares(rows, kl=0.5)["program"]


def test_a_format_is_counted_by_what_problems_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three problems, of which the last is answered in sentences, half of the time."""
    texts = {"p0": "3 more", "p1": "2 less", "p2": "4 times as many"}
    monkeypatch.setattr(endings, "problems_of", lambda _run, _table: texts)
    strategies = ["program"] * 10 + ["text"] * 2
    after = answers(1, 1, 1).with_columns(strategy=pl.Series(strategies))
    run_of(made := Runs(tmp_path), 1, 1, after=after)
    assert endings.share_where("text", " times ", asked=True)(made.results) == 0.5
    assert endings.share_where("text", " times ", asked=False)(made.results) == 0
