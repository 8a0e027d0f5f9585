"""What all pictures share."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from crysim.analysis.figures import legend_below, new_figure


@pytest.mark.parametrize("width", [3.0, 5.0, 15.0])
@pytest.mark.parametrize("names", [["a", "b"], ["random", "pyxtal-random", "bayesian", "swarm", "crysim", "reference"]])
def test_a_legend_is_not_wider_than_its_figure(width: float, names: list[str]) -> None:
    figure = new_figure((width, 4.0))
    axis = figure.subplots()
    handles = {name: axis.plot([0, 1], [0, 1], label=name)[0] for name in names}
    legend_below(figure, handles)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert [text.get_text() for text in legend.get_texts()] == names
    if width == 15.0:
        assert box.height < 60  # one or two rows


def test_nothing_to_name_has_no_legend() -> None:
    figure = new_figure((5.0, 4.0))
    legend_below(figure, {})
    assert not figure.legends
