import numpy as np
import pytest
from matplotlib.figure import Figure

from hone.measures.estimates import Estimate
from hone.report import plots, scales, scatters, style
from hone.report.plots import Curve
from tests.report.samples import curve, estimate


def drawings() -> dict[str, Figure]:
    """One of every kind."""
    p = np.array([0.1, 0.25, 0.4])
    shares = np.array([[0.75, 0.5, 0.2], [0.0, 0.0, 0.1], [0.25, 0.5, 0.7]])
    arms = {"T = 1": estimate(0.9, 0.8, 0.95), "T = 1.5": estimate(0.4, 0.3, 0.5)}
    return {
        "curves": plots.curves(
            {"one": curve(), "two": curve(1)}, "x", "y", levels={"chance": 0.5}, y_limits=(0, 1)
        ),
        "threshold": plots.threshold(p, np.tile(p, (3, 1)), np.tile((1 + p) / 2, (3, 1))),
        "heat_map": plots.heat_map(shares, lengths=np.arange(3.0), steps=np.arange(3.0)),
        "log_odds": plots.log_odds({"2 %": curve()}, levels={"1/3": 1 / 3}),
        "bars": plots.bars({"STaR": arms, "GRPO": arms}, "accuracy", levels={"chance": 0.5}),
        "panels": scatters.panels(
            [
                scatters.Panel({"one": [(arms["T = 1"], arms["T = 1.5"])]}, "x", "y", equal=True),
                scatters.Panel({"two": [(arms["T = 1.5"], arms["T = 1"])]}, "x", "y"),
            ]
        ),
    }


@pytest.mark.parametrize("name", drawings())
def test_the_same_data_gives_the_same_bytes(name: str) -> None:
    first, second = drawings()[name], drawings()[name]
    assert style.svg(first) == style.svg(second) == style.svg(first)
    assert style.png(first) == style.png(second)


def test_text_stays_text_and_says_what_is_drawn() -> None:
    text = style.svg(drawings()["curves"])
    assert all(f">{label}</text>" in text for label in ("one", "two", "chance", "x", "y"))


def test_seeds_without_a_value_are_left_out_of_mean_and_range() -> None:
    gaps = Curve(np.arange(3.0), np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]]))
    np.testing.assert_array_equal(gaps.mean, [2.0, 2.0, np.nan])
    np.testing.assert_array_equal(gaps.range, [[1.0, 2.0, np.nan], [3.0, 2.0, np.nan]])
    style.svg(plots.curves({"gaps": gaps}, "x", "y"))  # drawn without a warning


def test_a_series_without_any_value_is_drawn_as_nothing() -> None:
    nothing = Curve(np.arange(2.0), np.full((1, 2), np.nan))
    assert ">never</text>" not in style.svg(
        plots.curves({"never": nothing, "some": curve()}, "x", "y")
    )


def test_what_is_foretold_is_dotted_where_it_was_foretold_and_counts_for_the_limits() -> None:
    measured, bound = (Curve(np.array([1.0, 10.0]), np.full((1, 2), y)) for y in (0.01, 100.0))
    figure = plots.curves({"error": measured, "free": measured}, "T", "error", log_x=True,
                          log_y=True, theory={"error": bound})  # fmt: skip
    (axes,) = figure.axes
    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [line.get_ydata().tolist() for line in dotted] == [[100.0, 100.0]]  # pyright: ignore[reportAttributeAccessIssue]
    assert dotted[0].get_color() == style.colour(0)
    assert axes.get_ylim()[1] >= 100
    assert ">100</text>" in style.svg(figure)


@pytest.mark.parametrize(
    ("x", "labels"),
    [((8.0, 64.0), {"10", "20", "50"}), ((0.01, 1.0), {"0.01", "0.1", "1"}),
     ((100.0, 1e5), {"100", "1k", "10k", "100k"})],
)  # fmt: skip
def test_a_log_axis_has_plain_numbers_and_enough_of_them(
    x: tuple[float, float], labels: set[str]
) -> None:
    line = Curve(np.array(x), np.ones((1, 2)))
    text = style.svg(plots.curves({"line": line}, "x", "y", log_x=True))
    assert all(f">{label}</text>" in text for label in labels)
    assert "mathdefault" not in text


def test_few_x_on_a_log_axis_are_its_ticks() -> None:
    line = Curve(np.array([1.0, 2.0, 4.0, 8.0]), np.ones((1, 4)))
    text = style.svg(plots.curves({"line": line}, "x", "y", log_x=True))
    assert all(f">{label}</text>" in text for label in "1248")
    assert ">5</text>" not in text


def test_long_numbers_on_a_log_axis_are_powers_of_ten() -> None:
    y = np.array([[1e-1, 1e12]])
    axes = plots.curves({"a": Curve(np.array([1.0, 2.0]), y)}, "d", "n", log_y=True).axes[0]
    written = [label.get_text() for label in axes.get_yticklabels()]
    assert {"10⁰", "10¹²"} <= set(written)
    assert all(text.startswith("10") for text in written)


def test_labels_are_spread_in_order_and_stay_near() -> None:
    wanted = np.array([0.5, 0.51, 0.9, 0.5])
    placed = plots.spread(wanted, 0.06)
    assert np.all(np.diff(np.sort(placed)) >= 0.06 - 1e-12)
    assert placed[2] == pytest.approx(0.9)
    assert np.argmax(placed[[0, 1, 3]]) == 1


def test_log_odds_leave_out_what_has_no_place_on_the_axis() -> None:
    certain = Curve(np.arange(3.0), np.array([[0.25, 0.5, 1.0]]))
    np.testing.assert_allclose(scales.log2_odds(certain.y), [[-np.log2(3), 0, np.nan]])
    style.svg(plots.log_odds({"25 %": certain}))


ORDER = ("GRPO", "STaR", "REINFORCE")


def colour_of(drawn: Figure, label: str) -> str:
    """Of the text that names a line."""
    (text,) = (each for each in drawn.axes[0].texts if each.get_text() == label)
    return str(text.get_color())


def test_a_name_has_one_colour_in_every_figure() -> None:
    some = plots.curves({"other": curve(), "STaR": curve()}, "x", "y", order=ORDER)
    all_three = plots.log_odds({name: curve() for name in reversed(ORDER)}, order=ORDER)
    assert colour_of(some, "STaR") == colour_of(all_three, "STaR") == style.colour(1)
    rows = {"STaR": estimate(0.9, 0.8, 0.95), "hot": estimate(0.4, 0.3, 0.5)}
    drawn = plots.bars({"before": rows, "GRPO": rows}, "accuracy", order=ORDER)
    dots = [line.get_color() for line in drawn.axes[0].lines if line.get_marker() == "o"]
    assert dots == [style.colour(place) for place in (1, 2, 1, 0)]


def dots_of(drawn: Figure) -> list[tuple[object, bool]]:
    """Colour of every row's dot, and whether it is hollow."""
    dots = [line for line in drawn.axes[0].lines if line.get_marker() == "o"]
    return [(line.get_color(), line.get_markerfacecolor() == style.PAPER) for line in dots]


def test_a_row_has_the_colour_of_its_name_in_every_group_and_a_papers_is_hollow() -> None:
    one = estimate(0.9, 0.8, 0.95)
    measured = {"easy": one, "hard": one}
    first = {"easy": one, "easy, paper": one, "hard": one}
    drawn = plots.bars({"F": first, "B": measured}, "accuracy", beside={"easy, paper": "easy"})
    easy, hard = style.colour(0), style.colour(1)
    assert dots_of(drawn) == [(easy, False), (easy, True), (hard, False), (easy, False),
                              (hard, False)]  # fmt: skip


def test_rows_whose_names_stand_nowhere_else_share_a_colour() -> None:
    one = estimate(0.9, 0.8, 0.95)
    drawn = plots.bars({"F": {"a": one, "b": one}, "B": {"c": one}}, "accuracy")
    assert dots_of(drawn) == [(style.colour(0), False)] * 3


def test_a_series_looks_the_same_in_every_panel_and_has_one_key() -> None:
    point = [(estimate(0.4, 0.3, 0.5), estimate(0.9, 0.8, 0.95))]
    shown = [
        scatters.Panel({"one": point, "two": point}, "x", "y"),
        scatters.Panel({"two": point}, "x", "y", lines={"rule": ([0.0, 1.0], [0.0, 1.0])}),
    ]
    drawn = scatters.panels(shown)
    looks = [
        {str(line.get_label()): (line.get_color(), line.get_marker()) for line in axes.lines}
        for axes in drawn.axes
    ]
    assert looks[1]["two"] == looks[0]["two"]
    for one, two in zip(looks[0]["one"], looks[0]["two"], strict=True):
        assert one != two
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two", "rule"]


def test_names_without_a_colour_of_their_own_take_none_that_is_shown() -> None:
    assert plots._places(["a", "STaR", "b", "GRPO"], ORDER) == {
        "a": 2,
        "STaR": 1,
        "b": 3,
        "GRPO": 0,
    }
    assert plots._places("ab") == {"a": 0, "b": 1}


@pytest.mark.parametrize("last", [1, 3, 8, 20])
def test_there_is_no_tick_between_two_rounds(last: int) -> None:
    x = np.arange(last + 1.0)
    line = Curve(x, 0.2 + 0.5 * x[None] / last)
    for drawn in (plots.curves({"a": line}, "x", "y"), plots.log_odds({"a": line})):
        drawn.draw_without_rendering()
        ticks = drawn.axes[0].get_xticks()
        assert np.all(ticks == np.round(ticks))
        assert len(ticks) > 1


def test_what_is_no_round_has_ticks_between() -> None:
    drawn = plots.curves({"a": Curve(np.array([0.1, 0.9]), np.array([[0.1, 0.9]]))}, "x", "y")
    assert np.any(drawn.axes[0].get_xticks() % 1)


def test_one_step_is_enough_for_a_heat_map() -> None:
    single = plots.heat_map(np.array([[0.5], [0.5]]), lengths=np.arange(2.0), steps=np.array([3.0]))
    assert style.png(single)


def test_a_bar_without_value_or_interval_leaves_its_row_empty() -> None:
    unknown = Estimate(float("nan"), None, 0.95, "none", ())
    assert style.png(plots.bars({"GRPO": {"unknown": unknown}}, "accuracy", x_limits=(0, 1)))


def test_limits_never_hide_data() -> None:
    drawn = plots.curves({"low": curve()}, "x", "y", y_limits=(0.7, 0.8))
    low, high = drawn.axes[0].get_ylim()
    assert low < 0.5
    assert high > 0.84
