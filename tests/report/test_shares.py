"""Figures of shares: what is drawn is as wide or as high as the share it stands for."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from hone.report import style
from hone.report.phases import phases
from hone.report.plots import Curve
from hone.report.stacks import stacked

SHARES = {"program": 0.6, "tagged": 0.15, "text": 0.25}


def test_a_cell_is_filled_as_its_shares_say_and_names_the_largest() -> None:
    cells = {("one", "small"): SHARES, ("one", "large"): {"text": 1.0}, ("two", "small"): SHARES}
    figure = phases(cells, ("program", "tagged", "text", "other"), "parameters")
    (axes,) = figure.axes
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    widths = np.array([bar.get_width() for bar in bars]).reshape(3, 4)
    mixed, alone = [0.6, 0.15, 0.25, 0], [0, 0, 1, 0]
    np.testing.assert_allclose(widths / widths.sum(axis=1, keepdims=True), [mixed, alone, mixed])
    assert [text.get_text() for text in axes.texts] == ["program 0.60", "text 1.00", "program 0.60"]
    lefts = [bar.get_x() for bar in bars[:4]]
    assert lefts == sorted(lefts)
    assert bars[4].get_x() >= 1  # the second column
    assert bars[8].get_y() >= 1  # the second row


def test_shares_are_stacked_from_nought_to_one() -> None:
    x = np.array([0.0, 10.0, 20.0])
    shares = {name: np.array([share, share, share]) for name, share in SHARES.items()}
    above = {"accuracy": Curve(x, np.array([[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]]))}
    figure = stacked(x, shares, above, "round", "share", "accuracy")
    upper, lower = figure.axes
    layers = [each for each in lower.collections if isinstance(each, PolyCollection)]
    tops = [np.asarray(layer.get_paths()[0].vertices)[:, 1].max() for layer in layers]
    assert tops == pytest.approx([0.6, 0.75, 1.0])
    np.testing.assert_allclose(np.asarray(upper.lines[0].get_ydata()), [0.2, 0.3, 0.4])
    assert style.svg(figure) == style.svg(stacked(x, shares, above, "round", "share", "accuracy"))
