"""What is said of several models of the echo chamber is what it says."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.measures import clopper_pearson
from hone.studies.echo_chamber import tables_elsewhere
from hone.studies.echo_chamber.claims.algorithms import ALGORITHMS
from hone.studies.echo_chamber.claims.repeats import REPEATS
from hone.studies.echo_chamber.claims.scale import SCALE
from hone.studies.echo_chamber.claims.transfer import TRANSFER
from hone.studies.echo_chamber.measured import (
    comparisons,
    course,
    endings,
    formats,
    optimum,
    winners,
)
from hone.studies.echo_chamber.mixtures import MISREAD
from hone.studies.study import assess
from tests.studies.made_up import Runs
from tests.studies.made_up_answers import answers, run_of


def test_runs_of_one_model_are_averaged_not_pooled(tmp_path: Path) -> None:
    """One run always solves the first problem, one the second: in each, pass@k is one half."""
    made = Runs(tmp_path)
    run_of(made, 1, 1, before=answers(0.5, 0.5), after=answers(1, 0))
    run_of(made, 1, 2, before=answers(0.5, 0.5), after=answers(0, 1))
    found = comparisons.change_of(formats.passed)(made.results)
    assert found is not None
    assert found.value == pytest.approx(-0.5)


def test_models_are_counted_and_their_number_is_what_makes_it_sure(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    for base in range(1, 7):
        for repeat, format in ((1, "program"), (2, "program" if base < 6 else "tagged")):
            run_of(made, base, repeat, after=answers(0.5, format=format))
    found = comparisons.counted(lambda run: endings.wins(run) == "program")(made.results)
    assert found is not None
    assert found.value == pytest.approx(5 / 6)  # of the last model, only half of the runs
    assert found.interval == clopper_pearson(5, 6)


def test_an_interval_is_as_wide_as_that_over_problems(tmp_path: Path) -> None:
    """Models that agree to the last problem leave the problems' own uncertainty."""
    made = Runs(tmp_path)
    for base in (1, 2, 3):
        after = answers(*[1.0] * 12, *[0.0] * 4)
        run_of(made, base, 1, before=answers(*[0.0] * 16), after=after)
    found = comparisons.change_of(formats.right)(made.results)
    assert found is not None
    assert found.interval is not None
    assert found.value == 0.75
    assert found.interval[0] < 0.6 < 0.9 < found.interval[1]


def test_models_that_agree_are_no_surer_than_problems_or_looks_make_them(tmp_path: Path) -> None:
    """No format moves in any run; all have collapsed by the second of looks 10 rounds apart."""
    made = Runs(tmp_path)
    looks = [
        pl.concat([answers(*[0.5] * n) for n in (1, programs)]).with_columns(
            strategy=pl.Series(["text"] * 4 + ["program"] * 4 * programs), step=step,
            temperature=1.0)
        for step, programs in ((0, 2), (10, 20), (20, 20))
    ]  # fmt: skip
    for base in (1, 2, 3):
        run_of(made, base, 1, before=answers(*[0.5] * 8), after=answers(*[0.5] * 8))
        tables_of = {f"evaluation-{step:06d}": look for step, look in enumerate(looks)}
        made.add("rl", base, tables_of, base=base, repeat=2)
    moved = comparisons.change_in_each(lambda run: formats.of_format(endings.wins(run)))
    found = moved(made.results.where(lambda factors: factors["repeat"] == 1))
    assert found is not None
    assert found.interval is not None
    assert found.value == 0
    assert found.interval[0] < -0.05 < 0.05 < found.interval[1]
    time = comparisons.mean_over_runs(course.collapse_time, course.between_looks, repeat=2)
    found = time(made.results)
    assert found is not None
    assert (found.value, found.interval) == (10, (0, 20))


def test_a_trend_is_the_slope_of_means_on_ranks(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    for base in (1, 2):
        for times, share in ((1, 0.25), (2, 0.5), (8, 1.0)):
            for stage, part in (("before", 0.25), ("after", share)):
                made.add(stage, base, {"evaluation-000001": answers(part, part)}, base=base,
                         repeat=1, times=times, arm=f"{times}")  # fmt: skip
    expected = np.polyfit([0, 1, 2], [0.25, 0.5, 1.0], 1)[0]
    for stages in (("after",), ("after", "before")):
        found = comparisons.trend_over("times", formats.right, stages)(made.results)
        assert found is not None
        assert found.value == pytest.approx(expected)


def test_arms_of_a_real_corpus_need_not_have_every_stage(tmp_path: Path) -> None:
    """As the preset `paper` has them: harder problems of one kind, and no other wording."""
    made = Runs(tmp_path)
    ids = [[1, 2, 3]] * 4
    tables_of = {
        f"{problems}{greedy}{when}": answers(0.25).with_columns(response_ids=pl.Series(ids))
        for problems in ("", "hard ") for greedy in ("", "greedy ") for when in ("before", "after")
    }  # fmt: skip
    for stage, rows in ({"rl": answers(0.5)} | tables_of).items():
        made.add(stage, 1, {"evaluation-000001": rows}, base=1, repeat=1, experiment="transfer",
                 arm="TG + OMI2")  # fmt: skip
    rows = tables_elsewhere.transfer(made.results)
    assert rows is not None
    (row,) = rows.values()
    assert set(row) == {"easy, before", "easy, after", "hard, before", "hard, after",
                        "hard, pass@k, before", "hard, pass@k, after",
                        "tokens, after over before"}  # fmt: skip
    assert assess((*SCALE, *ALGORITHMS, *REPEATS, *TRANSFER), made.results) == []


def test_a_predictor_brackets_the_switch(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    for base, (programs, winner) in enumerate(((2, "tagged"), (6, "program"), (30, "program")), 1):
        before = pl.concat([answers(*[0.5] * programs), answers(*[0.5] * 10, format="tagged")])
        made_up = {"before": before, "after": answers(0.5, format=winner)}
        for stage, rows in ({"rl": before} | made_up).items():
            made.add(stage, base, {"evaluation-000001": rows}, base=base, repeat=1,
                     experiment="crossover")  # fmt: skip
    lost, won = winners.bracket(made.results, "share")
    assert lost < won < 0


def mixture_of(made: Runs, base: int, part: float, tagged: float, winner: str) -> None:
    """A model that answers five problems with programs, half of them right, and ten otherwise."""
    before = pl.concat([answers(*[0.5] * 5), answers(*[tagged] * 10, format="tagged")])
    made_up = {"before": before, "after": answers(0.5, format=winner)}
    for stage, rows in ({"rl": before} | made_up).items():
        made.add(stage, base, {"evaluation-000001": rows}, base=base, repeat=1,
                 experiment="crossover", unfavourable=part)  # fmt: skip


def test_a_predictor_is_asked_where_shares_and_accuracies_disagree(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    for base, winner in ((1, "program"), (2, "program"), (3, "tagged")):
        mixture_of(made, base, 0.5, tagged=0.25, winner=winner)
        mixture_of(made, base, 1.0, tagged=0.75, winner="program")  # says nothing of any of them
    mixture_of(made, 4, 0.5, tagged=0.75, winner="tagged")
    for by, told in (("accuracy", 2 / 3), ("share", 1 / 3)):
        found = winners.told(by)(made.results)
        assert found is not None
        assert found.value == pytest.approx(told)
        assert found.interval == clopper_pearson(round(3 * told), 3)


def test_a_change_can_be_from_what_majorities_were(tmp_path: Path) -> None:
    """Three of four samples right become all of them, which their majority was already."""
    made = Runs(tmp_path)
    answer = pl.when(grade="correct").then(pl.lit("1")).otherwise(pl.lit("2"))
    for base in (1, 2, 3):
        before, after = (answers(share, share).with_columns(answer=answer) for share in (0.75, 1))
        run_of(made, base, 1, before=before, after=after)
    found = comparisons.change_from(formats.agreed, formats.right)(made.results)
    assert found is not None
    assert found.value == 0


@pytest.mark.parametrize("sizes", [(0.1, 1.0), (1.0, 20.0)])
def test_size_changes_the_winner_where_both_models_of_a_seed_say_so(
    sizes: tuple[float, float], tmp_path: Path
) -> None:
    """Of three seeds: programs then text; text at both sizes; programs at both."""
    made = Runs(tmp_path)
    for base, ends in ((1, ("program", "text")), (2, ("text", "text")), (3, ("program",) * 2)):
        for scale, format in zip(sizes, ends, strict=True):
            for stage in ("rl", "after"):
                rows = {"evaluation-000001": answers(0.5, format=format)}
                made.add(stage, base, rows, base=base, repeat=1, scale=scale, rate=1,
                         experiment="scale", mixture=MISREAD)  # fmt: skip
    (claim,) = (each for each in SCALE if each.id == "size_changes_the_winner")
    found = claim.measure(made.results)
    assert found is not None
    assert (found.value, found.interval) == (1 / 3, clopper_pearson(1, 3))


def test_a_time_is_known_to_the_looks_of_the_runs_that_are_compared(tmp_path: Path) -> None:
    """Others of the experiment, which look every round, make it no surer."""
    made = Runs(tmp_path)
    for base in (1, 2, 3):
        for by, steps in (("PPO", (0, 10, 20)), ("GRPO", (0, 10, 20)), ("EI", (0, 1, 2))):
            looks = {f"evaluation-{step:06d}": answers(0.5).with_columns(step=step, temperature=1.0)
                     for step in steps}  # fmt: skip
            made.add("rl", base, looks, base=base, repeat=1, by=by, arm=by)
    found = comparisons.minus(course.collapse_time, {"by": "PPO"}, {"by": "GRPO"},
                       course.between_looks)(made.results)  # fmt: skip
    assert found is not None
    assert (found.value, found.interval) == (0, (-10, 10))


def test_an_optimum_says_how_many_runs_have_not_come_to_rest(tmp_path: Path) -> None:
    made = Runs(tmp_path)
    for base, last in ((1, "program"), (2, "text")):
        formats = ["text"] * 6 + [last] * 2
        rounds = {f"train-{step:06d}": answers(0.5, format=format).with_columns(step=step)
                  for step, format in enumerate(formats, 1)}  # fmt: skip
        mixed = pl.concat([answers(0.75), answers(0.25, format="text")])
        for stage, rows in (("before", mixed), ("after", mixed)):
            made.add(stage, base, {"evaluation-000001": rows}, base=base, repeat=1,
                     experiment="optimum", kl=0.5, rate=0.1)  # fmt: skip
        made.add("rl", base, rounds, base=base, repeat=1, experiment="optimum", kl=0.5, rate=0.1)
    found = optimum.way_left_under(0.5, 0.1)(made.results)
    assert found is not None
    assert found.note == "runs still moving: 1"
    assert optimum.way_left_under(0.2, 0.1)(made.results) is None


def test_a_change_is_compared_with_another_change(tmp_path: Path) -> None:
    """From 1/4 to 3/4 in some runs, from 1/2 to 3/4 in others."""
    made = Runs(tmp_path)
    for base in (1, 2):
        for hard, before in (("text", 0.25), ("none", 0.5)):
            for stage, share in (("hard before", before), ("hard after", 0.75)):
                made.add(stage, base, {"evaluation-000001": answers(*[share] * 4)}, base=base,
                         repeat=1, hard=hard)  # fmt: skip
    found = comparisons.change_beyond(formats.right, "hard", {"hard": "text"}, {"hard": "none"})(
        made.results
    )
    assert found is not None
    assert found.value == pytest.approx(0.25)


def test_where_nothing_is_ever_right_nothing_is_sure(tmp_path: Path) -> None:
    """Neither that one change is larger than another, nor that there is no trend."""
    made = Runs(tmp_path)
    for base in (1, 2, 3):
        for hard, times in (("text", 1), ("none", 2), ("program", 4)):
            for stage in ("hard before", "hard after"):
                made.add(stage, base, {"evaluation-000001": answers(*[0.0] * 8)}, base=base,
                         repeat=1, hard=hard, times=times)  # fmt: skip
    beyond = comparisons.change_beyond(formats.right, "hard", {"hard": "text"}, {"hard": "none"})
    trend = comparisons.trend_over("times", formats.right, ("hard after", "hard before"))
    for measure in (beyond, trend):
        found = measure(made.results)
        assert found is not None
        assert found.interval is not None
        assert found.interval[0] < -0.1 < 0.1 < found.interval[1]
