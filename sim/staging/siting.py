"""Where things stand in a city: places of a scenario as metres, refused where nothing can stand."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.city import City
from geo.frames import LocalFrame
from settings.tomllines import Key
from sim.staging.placement import ROOF_HEIGHT_M, near_street
from sim.staging.scenario import Scenario
from sim.staging.spec_places import Chance, Point, Route, Spot
from sim.staging.streetways import shortest_way

ROOF_INSET_M = 1.0
"""How far from the edge somebody stands on a roof to which they were moved."""

_TRIES = 200
"""Draws for one free place.  Where buildings cover 90 % of an area, one in 1e9 incidents finds none."""


class Siting:
    """Looks places up in a city."""

    def __init__(self, city: City, scenario: Scenario) -> None:
        self.city = city
        self._scenario = scenario
        self._tree = shapely.STRtree(city.buildings.footprints)
        shapely.prepare(city.buildings.footprints)

    def spot(self, spot: Spot, key: Key, who: str, *, off_site: bool = False) -> NDArray[np.float64]:
        """(3,) float64, metres, site frame, of a place that ``who`` takes in open air.

        off_site : whether it may lie outside the site, as thunder does.

        Raises
        ------
        ConfigurationError
            Outside the site; inside a building, with its name; on a street or a roof where there is none; degrees on a
            site that is not on the globe.
        """
        x, y = self.point(spot, key)
        if not off_site:
            self._require_known(x, y, key, who)
        if spot.stands == "roof":
            return self._roof(x, y, spot.height_m, key, who)
        if spot.stands == "street":
            x, y = self._street(x, y, key, who)
        self.require_open(x, y, spot.height_m, key, who)
        return np.array([x, y, spot.height_m])

    def anywhere(self, spot: Spot, key: Key, who: str) -> NDArray[np.float64]:
        """(3,) float64, metres, site frame, of a place that nothing needs to stand at: something aimed at."""
        if spot.stands != "ground":
            return self.spot(spot, key, who)
        return np.array([*self.point(spot, key), spot.height_m])

    def point(self, point: Point, key: Key) -> tuple[float, float]:
        """Metres east and north, site frame.

        Raises
        ------
        ConfigurationError
            Degrees on a site that is not on the globe.
        """
        if point.x_m is not None and point.y_m is not None:
            return point.x_m, point.y_m
        frame = self.city.frame
        if not isinstance(frame, LocalFrame) or point.longitude is None or point.latitude is None:
            reason = "place in degrees on a site that is not on the globe"
            raise self._scenario.refusal(key, reason, expected="x_m and y_m")
        east, north, _ = frame.to_local(point.longitude, point.latitude, frame.origin.height_m)[0]
        return float(east), float(north)

    def route(self, route: Route, key: Key, who: str) -> NDArray[np.float64]:
        """(n, 3) float64, metres, site frame: the corners of a way that stays on the site.

        Raises
        ------
        ConfigurationError
            A corner outside the site; a straight way through a building, with its name; no way along streets.
        """
        corners = [self.point(point, (*key, "points", k)) for k, point in enumerate(route.points)]
        for k, (x, y) in enumerate(corners):
            self._require_known(x, y, (*key, "points", k), who)
        if route.along_streets:
            plan = shortest_way(self.city.streets, np.array(corners))
            if plan is None:
                raise self._scenario.refusal(key, f"{who}: moves along streets, but the site has none")
            return np.column_stack([plan, np.full(len(plan), route.height_m)])
        line = shapely.LineString(corners)
        for row in np.sort(self._tree.query(line, predicate="intersects")):
            if self.city.buildings.height_m[row] > route.height_m:
                name = self.city.buildings.names[row]
                raise self._scenario.refusal(key, f"{who}: its path runs through building {name}")
        return np.array([(x, y, route.height_m) for x, y in corners])

    def on_route(self, route: Route, at_s: NDArray[np.float64], key: Key, who: str) -> NDArray[np.float64]:
        """(n, 3) float64, metres, site frame: where ``who`` is at n instants, seconds after the scenario's start.

        Raises
        ------
        ConfigurationError
            As ``route``; inside a building then (a street may lead through one).
        """
        positions_m = along(self.route(route, key, who), route, at_s)
        for x, y, height_m in positions_m.tolist():
            self.require_open(x, y, height_m, key, who)
        return positions_m

    def require_open(self, x: float, y: float, height_m: float, key: Key, who: str) -> None:
        """Refuse a place inside a building.

        Raises
        ------
        ConfigurationError
            Naming the place and the building.
        """
        for row in self._around(x, y):
            roof = float(self.city.buildings.height_m[row])
            if roof > height_m:
                name = self.city.buildings.names[row]
                place = f"{_metres(x, y)}, {height_m:g} m up,"
                reason = f"{who}: {place} is inside building {name} (its roof is at {roof:g} m)"
                expected = 'a place in open air, or stands = "street" or "roof"'
                raise self._scenario.refusal(key, reason, expected=expected)

    def area(self, chance: Chance, key: Key) -> shapely.Polygon:
        """The area in which places are drawn, metres, site frame."""
        if chance.within is not None:
            corners = [self.point(point, (*key, "within", k)) for k, point in enumerate(chance.within)]
            area = shapely.Polygon(corners)
            if not area.is_valid or not area.area:
                expected = "corners of a polygon that does not cross itself"
                raise self._scenario.refusal((*key, "within"), expected=expected)
            return area
        return shapely.box(*(self.city.bounds_m if chance.bounds_m is None else chance.bounds_m))

    def free_place(
        self, area: shapely.Polygon, height_m: float, stands: str, generator: np.random.Generator, key: Key
    ) -> NDArray[np.float64]:
        """(3,) float64, metres, site frame: a place in the area, drawn evenly from what lies outside buildings.

        Raises
        ------
        ConfigurationError
            When buildings leave (almost) no room.
        """
        west, south, east, north = area.bounds
        for _ in range(_TRIES):
            if stands == "street":
                bounds = (west, south, east, north)
                x, y = near_street(self.city, generator, 1, area_m=bounds, height_m=height_m)[0, :2]
            else:
                x, y = generator.uniform((west, south), (east, north))
            roofs = self._around(x, y)
            if area.intersects(shapely.Point(x, y)) and not (self.city.buildings.height_m[roofs] > height_m).any():
                return np.array([x, y, height_m])
        raise self._scenario.refusal(key, "random: the area has no room outside buildings")

    def flight_m(self, from_m: NDArray[np.float64], axis: NDArray[np.float64]) -> float:
        """Metres that a bullet flies straight ahead until it meets a wall or a roof; infinite when it meets none.

        from_m : (3,) float64, metres, site frame.  axis : (3,) float64 unit vector.
        """
        walls, buildings = self.city.buildings.walls, self.city.buildings
        # A ray along a wall divides by (almost) nothing: infinite or NaN, which meets nothing.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Where the ray from + t * axis crosses start + u * (end - start), by Cramer's rule.
            along_wall = walls.end_m - walls.start_m
            to_start = walls.start_m - from_m[:2]
            determinant = axis[0] * along_wall[:, 1] - axis[1] * along_wall[:, 0]
            t = (to_start[:, 0] * along_wall[:, 1] - to_start[:, 1] * along_wall[:, 0]) / determinant
            u = (to_start[:, 0] * axis[1] - to_start[:, 1] * axis[0]) / determinant
            met = (t > 0) & (u >= 0) & (u <= 1) & (from_m[2] + t * axis[2] < walls.height_m)
            nearest = float(t[met].min(initial=math.inf))
            if axis[2] < 0:
                t = (buildings.height_m - from_m[2]) / axis[2]
                x, y = (from_m[:2] + t[:, None] * axis[:2]).T
                met = (t > 0) & shapely.contains_xy(buildings.footprints, x, y)
                nearest = min(nearest, float(t[met].min(initial=math.inf)))
        return nearest

    def _around(self, x: float, y: float) -> NDArray[np.int64]:
        """Rows of the buildings that hold a point of the map, edges included."""
        return np.sort(self._tree.query(shapely.Point(x, y), predicate="intersects"))

    def _street(self, x: float, y: float, key: Key, who: str) -> tuple[float, float]:
        if not len(self.city.streets):
            raise self._scenario.refusal(key, f"{who}: stands on a street, but the site has none")
        place = shapely.Point(x, y)
        line = self.city.streets.lines[int(np.argmin(shapely.distance(self.city.streets.lines, place)))]
        nearest = line.interpolate(line.project(place))
        return nearest.x, nearest.y

    def _roof(self, x: float, y: float, height_m: float, key: Key, who: str) -> NDArray[np.float64]:
        buildings = self.city.buildings
        place = shapely.Point(x, y)
        over = self._around(x, y)
        if not len(over):
            bears = np.flatnonzero(buildings.height_m >= ROOF_HEIGHT_M)
            if not len(bears):
                raise self._scenario.refusal(key, f"{who}: stands on a roof, but the site has none")
            row = bears[int(np.argmin(shapely.distance(buildings.footprints[bears], place)))]
            whole = buildings.footprints[row]
            inner = whole.buffer(-ROOF_INSET_M)
            to_roof = shapely.shortest_line(place, whole if inner.is_empty else inner)
            place = shapely.Point(to_roof.coords[-1])
            over = self._around(place.x, place.y)
        roof_m = float(buildings.height_m[over].max(initial=0.0))
        return np.array([place.x, place.y, roof_m + height_m])

    def _require_known(self, x: float, y: float, key: Key, who: str) -> None:
        west, south, east, north = self.city.bounds_m
        if not (west <= x <= east and south <= y <= north):
            expected = f"x {west:.0f} .. {east:.0f} m, y {south:.0f} .. {north:.0f} m"
            raise self._scenario.refusal(key, f"{who}: {_metres(x, y)} is off the site", expected=expected)


def along(corners_m: NDArray[np.float64], route: Route, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) float64, metres: where something is on its way at n instants, seconds after the start of the scenario."""
    done = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners_m, axis=0), axis=1))])
    gone = np.clip((at_s - route.at_s) * route.speed_m_s, 0.0, done[-1])
    return np.column_stack([np.interp(gone, done, column) for column in corners_m.T])


def _metres(x: float, y: float) -> str:
    return f"(x {x:.1f} m, y {y:.1f} m)"
