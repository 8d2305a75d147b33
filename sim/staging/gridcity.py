"""A generated city on a street grid, for when there is no map: believable to sound, not a portrait of any place.

Blocks differ in size within 15 %, every fourth street is a wide one, the whole grid is turned so that no wall is
parallel to an axis.  Heights are log-normal, partly a block's and partly a building's own, and rise towards the middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from errors import ConfigurationError
from geo.buildings import Buildings
from geo.centrelines import cut_streets
from geo.city import City
from geo.frames import CartesianFrame, LocalFrame
from geo.place import Geodetic
from sim.staging import lots

Style = Literal["blocks", "houses"]

WHERE = "grid city"
MAIN_EVERY = 4
MAIN_WIDENING = 1.6
"""How much wider every ``MAIN_EVERY``-th street is."""

BLOCK_SHARE = 0.36
"""Of the variance of the logarithm of height, what all buildings of a block have in common."""

LOW_M = (2.8, 6.0)
"""Heights of garages, shops and yard buildings."""

TREES = (
    "Alder", "Ash", "Aspen", "Beech", "Birch", "Cedar", "Cherry", "Chestnut", "Cypress", "Elm", "Fir", "Hazel",
    "Hickory", "Holly", "Juniper", "Larch", "Laurel", "Linden", "Maple", "Mulberry", "Oak", "Olive", "Pine",
    "Plum", "Poplar", "Rowan", "Spruce", "Sycamore", "Walnut", "Willow",
)


@dataclass(frozen=True, slots=True)
class District:
    """What a quarter looks like.

    block_m : mean width and depth of a block, between the streets.
    street_m : from wall to wall, or from lot to lot where there are front yards.
    height_m : median height away from the middle.
    height_spread : standard deviation of the logarithm of height.
    lowest_m, highest_m : no building is lower or higher.
    centre_rise : how much higher buildings are in the very middle; 1 is twice as high.
    park_share, gap_share, shop_share : of blocks that are parks, of houses that are missing, of blocks that are shops.
    front_m : mean width of a house (blocks) or of a lot (houses).
    depth_m : of a perimeter building, from the street to the court.
    """

    block_m: tuple[float, float]
    street_m: float
    height_m: float
    height_spread: float
    lowest_m: float
    highest_m: float
    centre_rise: float
    park_share: float
    gap_share: float
    shop_share: float
    front_m: float
    depth_m: float


STYLES: dict[Style, District] = {
    # A European inner city: five storeys, wall to wall, courts.
    "blocks": District((95.0, 70.0), 15.0, 15.0, 0.25, 6.0, 60.0, 0.6, 0.06, 0.07, 0.0, 20.0, 12.0),
    # A residential district of the United States with some shops: frame houses of two storeys on lots of 15 by 30 m.
    "houses": District((150.0, 66.0), 16.0, 7.4, 0.12, 6.0, 9.0, 0.0, 0.04, 0.08, 0.08, 15.0, 12.0),
}


def grid_city(
    generator: np.random.Generator,
    *,
    size_m: float | tuple[float, float],
    style: Style = "blocks",
    block_m: tuple[float, float] | None = None,
    street_m: float | None = None,
    height_m: float | None = None,
    height_spread: float | None = None,
    centre_rise: float | None = None,
    park_share: float | None = None,
    gap_share: float | None = None,
    rotation_deg: float | None = None,
    origin: tuple[float, float] | None = None,
) -> City:
    """A city that the generator decides; the same generator state gives the same city.

    Parameters
    ----------
    size_m : west to east and south to north, metres; one number for a square.  The origin is in the middle.
    style : ``blocks``, perimeter buildings around courts; ``houses``, detached houses with yards, garages and shops.
    block_m, street_m, height_m, height_spread, centre_rise, park_share, gap_share : as in ``District``; None for the
        style's own.
    rotation_deg : of the grid, counter-clockwise; None draws one of 3 to 20 degrees either way.
    origin : longitude, latitude of the middle, degrees; None for a Cartesian site.

    Returns
    -------
    city : buildings that lie wholly within its bounds, and streets cut at them.

    Raises
    ------
    ConfigurationError
        An impossible value, named with what was expected; an area too small for a single building.
    """
    width, depth = (size_m, size_m) if isinstance(size_m, int | float) else size_m
    if style not in STYLES:
        raise ConfigurationError(WHERE, "style", expected=" or ".join(STYLES), seen=style)
    given = {
        "block_m": block_m,
        "street_m": street_m,
        "height_m": height_m,
        "height_spread": height_spread,
        "centre_rise": centre_rise,
        "park_share": park_share,
        "gap_share": gap_share,
    }
    district = replace(STYLES[style], **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    if height_m is not None:  # the limits belong to the style's own median
        stretch = height_m / STYLES[style].height_m
        district = replace(
            district, lowest_m=district.lowest_m * min(1.0, stretch), highest_m=district.highest_m * max(1.0, stretch)
        )
    _check(width, depth, district, rotation_deg, origin)
    drawn_deg = generator.uniform(3.0, 20.0) * (1.0 if generator.random() < 0.5 else -1.0)
    turn = math.radians(drawn_deg if rotation_deg is None else rotation_deg)
    bounds_m = (-width / 2.0, -depth / 2.0, width / 2.0, depth / 2.0)
    buildings, paths = _built(generator, style, district, turn, bounds_m)
    if not len(buildings):
        expected = f"room for a block of {district.block_m[0]:g} x {district.block_m[1]:g} m and its streets"
        raise ConfigurationError(WHERE, "size_m", expected=expected, seen=size_m)
    frame = CartesianFrame() if origin is None else LocalFrame(Geodetic(*origin, 0.0))
    lines, kinds, names = zip(*paths, strict=True)
    return City(frame, buildings, cut_streets(lines, kinds, names, bounds_m), bounds_m)


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """One direction of the grid: (n,) blocks' ends, (n + 1,) streets' middles; the street k is before block k."""

    start_m: NDArray[np.float64]
    end_m: NDArray[np.float64]
    street_m: NDArray[np.float64]


def _axis(generator: np.random.Generator, reach_m: float, block_m: float, street_m: float) -> _Axis:
    count = math.ceil(2.0 * (reach_m + block_m) / (0.85 * block_m + street_m)) + 1
    lengths = block_m * generator.uniform(0.85, 1.15, count)
    widths = np.full(count + 1, street_m)
    first_main = int(generator.integers(MAIN_EVERY))
    widths[first_main::MAIN_EVERY] *= MAIN_WIDENING
    begin = -reach_m - block_m * generator.random()
    starts = begin + np.cumsum(widths[:-1]) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    ends = starts + lengths
    middles = np.concatenate([starts - widths[:-1] / 2.0, [ends[-1] + widths[-1] / 2.0]])
    return _Axis(starts, ends, middles)


_G = TypeVar("_G", shapely.Polygon, shapely.LineString)
_Path = tuple[shapely.LineString, str, str]
"""Line, kind, name."""


def _built(
    generator: np.random.Generator, style: Style, district: District, turn: float, bounds_m: lots.Rectangle
) -> tuple[Buildings, list[_Path]]:
    """Blocks filled, turned and raised."""
    reach_m = math.hypot(bounds_m[2], bounds_m[3])
    east = _axis(generator, reach_m, district.block_m[0], district.street_m)
    north = _axis(generator, reach_m, district.block_m[1], district.street_m)
    area = shapely.box(*bounds_m)
    footprints: list[shapely.Polygon] = []
    heights: list[float] = []
    names: list[str] = []
    paths = _streets(east, north, turn)
    for row, (south, top) in enumerate(zip(north.start_m, north.end_m, strict=True)):
        for column, (west, right) in enumerate(zip(east.start_m, east.end_m, strict=True)):
            block = float(west), float(south), float(right), float(top)
            if not shapely.intersects(_turned(shapely.box(*block), turn), area):
                continue
            plan = _plan(generator, style, district, block)
            quarter = generator.normal(0.0, math.sqrt(BLOCK_SHARE) * district.height_spread)
            own = generator.normal(0.0, math.sqrt(1.0 - BLOCK_SHARE) * district.height_spread, len(plan.buildings))
            low_m = generator.uniform(*LOW_M, len(plan.buildings))
            for number, (building, is_low) in enumerate(zip(plan.buildings, plan.low, strict=True)):
                footprint = _turned(building, turn)
                if not shapely.within(footprint, area):
                    continue
                height_m = _height_m(district, footprint, bounds_m, quarter + float(own[number]))
                footprints.append(footprint)
                heights.append(round(float(low_m[number]) if is_low else height_m, 1))
                names.append(f"block/{column}-{row}/{number + 1}")
            paths += [(_turned(line, turn), kind, "") for line, kind in plan.paths]
    array = np.empty(len(footprints), dtype=object)
    array[:] = footprints
    if len(array):
        array = shapely.orient_polygons(array)
    return Buildings(array, np.array(heights, dtype=np.float64), tuple(names)), paths


def _plan(generator: np.random.Generator, style: Style, district: District, block: lots.Rectangle) -> lots.Plan:
    chance = generator.random()
    if chance < district.park_share:
        return lots.park(block)
    if chance < district.park_share + district.shop_share:
        return lots.shops(generator, block)
    if style == "houses":
        return lots.detached(generator, block, lot_m=district.front_m, gap_share=district.gap_share)
    return lots.perimeter(
        generator, block, depth_m=district.depth_m, front_m=district.front_m, gap_share=district.gap_share
    )


def _height_m(district: District, footprint: shapely.Polygon, bounds_m: lots.Rectangle, deviation: float) -> float:
    """Log-normal, its median a bell around the middle a quarter of the city wide."""
    middle = footprint.centroid
    out = math.hypot(middle.x, middle.y) / (0.25 * (bounds_m[2] - bounds_m[0] + bounds_m[3] - bounds_m[1]) / 2.0)
    median_m = district.height_m * (1.0 + district.centre_rise * math.exp(-0.5 * out * out))
    return min(max(median_m * math.exp(deviation), district.lowest_m), district.highest_m)


def _streets(east: _Axis, north: _Axis, turn: float) -> list[_Path]:
    """Centre lines of the whole grid: numbered avenues northward, streets named for trees eastward."""
    paths: list[_Path] = []
    for number, x in enumerate(east.street_m.tolist()):
        line = shapely.LineString([(x, north.street_m[0]), (x, north.street_m[-1])])
        paths.append((_turned(line, turn), _kind(east, number), f"{_ordinal(number + 1)} Avenue"))
    for number, y in enumerate(north.street_m.tolist()):
        line = shapely.LineString([(east.street_m[0], y), (east.street_m[-1], y)])
        again, tree = divmod(number, len(TREES))
        name = f"{TREES[tree]} Street" if not again else f"{_ordinal(again + 1)} {TREES[tree]} Street"
        paths.append((_turned(line, turn), _kind(north, number), name))
    return paths


def _kind(axis: _Axis, number: int) -> str:
    """Wide streets are main streets."""
    if number == len(axis.start_m):
        return "residential"
    width_m = 2.0 * (axis.start_m[number] - axis.street_m[number])
    narrow_m = 2.0 * float(np.min(axis.start_m - axis.street_m[:-1]))
    return "secondary" if width_m > 1.3 * narrow_m else "residential"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _turned(shape: _G, turn: float) -> _G:
    cosine, sine = math.cos(turn), math.sin(turn)
    return shapely.transform(shape, lambda xy: xy @ np.array([[cosine, sine], [-sine, cosine]]))


def _check(
    width: float, depth: float, district: District, rotation_deg: float | None, origin: tuple[float, float] | None
) -> None:
    """Raises ConfigurationError for the first value that no city can have."""
    ranges = {
        "size_m (west to east)": (width, 20.0, 40_000.0),
        "size_m (south to north)": (depth, 20.0, 40_000.0),
        "block_m (width)": (district.block_m[0], 15.0, 1000.0),
        "block_m (depth)": (district.block_m[1], 15.0, 1000.0),
        "street_m": (district.street_m, 3.0, 200.0),
        "height_m": (district.height_m, 2.0, 500.0),
        "height_spread": (district.height_spread, 0.0, 2.0),
        "centre_rise": (district.centre_rise, 0.0, 10.0),
        "park_share": (district.park_share, 0.0, 1.0),
        "gap_share": (district.gap_share, 0.0, 1.0),
        "rotation_deg": (rotation_deg or 0.0, -360.0, 360.0),
        "origin (longitude)": (origin[0] if origin else 0.0, -180.0, 180.0),
        "origin (latitude)": (origin[1] if origin else 0.0, -90.0, 90.0),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise ConfigurationError(WHERE, name, expected=f"{low:g} .. {high:g}", seen=value)
