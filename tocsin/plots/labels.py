"""Names on a map that do not hide each other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

LABEL_SIZE = 6.5
# Width of a letter over the size of its font, on average, in the sans serif that the plots use.
_LETTER = 0.62
_POINTS_PER_INCH = 72.0


def shape_of(axes: Axes) -> float:
    """Width over height of the axes on the page."""
    width, height = _size_points(axes)
    return width / height


class Boxes:
    """What is taken on the page: markers, and names as they are placed, as rectangles in points."""

    def __init__(self, axes: Axes, markers: Sequence[tuple[float, float]]) -> None:
        self._width, self._height = _size_points(axes)
        self._west, east = axes.get_xlim()
        self._south, north = axes.get_ylim()
        self._scale = self._width / (east - self._west), self._height / (north - self._south)
        self._taken = [(px - 4.0, py - 4.0, px + 4.0, py + 4.0) for px, py in (self._points(x, y) for x, y in markers)]

    def place(self, x: float, y: float, text: str, size: float) -> tuple[tuple[float, float], str]:
        """Where a name hides least: its offset from its marker in points, and its horizontal alignment."""
        px, py = self._points(x, y)
        long, high = _LETTER * size * len(text), 1.15 * size
        best: tuple[float, tuple[float, float], str, tuple[float, float, float, float]] | None = None
        for dx, dy, side in (
            (5, 4, "left"),
            (-5, 4, "right"),
            (5, -4, "left"),
            (-5, -4, "right"),
            (0, 9, "center"),
            (0, -9, "center"),
        ):
            left = px + dx - {"left": 0.0, "center": 0.5, "right": 1.0}[side] * long
            box = (left, py + dy - high / 2, left + long, py + dy + high / 2)
            hidden = sum(_overlap(box, other) for other in self._taken)
            hidden += long * high - _overlap(box, (0.0, 0.0, self._width, self._height))
            if best is None or hidden < best[0] - 1e-9:
                best = (hidden, (float(dx), float(dy)), side, box)
        assert best is not None
        self._taken.append(best[3])
        return best[1], best[2]

    def _points(self, x: float, y: float) -> tuple[float, float]:
        return (x - self._west) * self._scale[0], (y - self._south) * self._scale[1]


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Area that two rectangles (left, bottom, right, top) share."""
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)


def _size_points(axes: Axes) -> tuple[float, float]:
    box = axes.get_position()
    figure = axes.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    return float(box.width * width) * _POINTS_PER_INCH, float(box.height * height) * _POINTS_PER_INCH
