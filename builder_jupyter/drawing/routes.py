"""The course of each edge on a drawing: forward edges are curves, back edges detours around the cards.

Geometry only; `drawing.svg` turns it into a picture. Coordinates are those of `graph.layout`: y downwards,
positions are the centres of the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from builder_jupyter.graph.layout import NODE_HEIGHT, NODE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from builder_jupyter.graph.model import Position

Point = tuple[float, float]
Cubic = tuple[Point, Point, Point, Point]

HALF_W, HALF_H = NODE_WIDTH / 2, NODE_HEIGHT / 2
ARROW = 8.0
# How near to the middle of a card no course comes.
_ROOM_X, _ROOM_Y = HALF_W + 6.0, HALF_H + 14.0
_GUTTER = 24.0  # how far from a card a detour runs
_TRACK = 16.0  # between two detours side by side
_CELL = 256.0


@dataclass(frozen=True, slots=True)
class Route:
    """The course of one edge.

    Parameters
    ----------
    curves : cubic pieces, each beginning where the last one ended; they end at the base of the arrow head.
    tip, heading : the point of the arrow head and the unit vector it points along.
    back : whether the edge runs against the reading direction.
    """

    curves: tuple[Cubic, ...]
    tip: Point
    heading: Point
    back: bool = False

    @property
    def stays_between(self) -> bool:
        """Whether the course is one curve inside the box that its two ends span."""
        (a, b, c, d), *more = self.curves
        return not more and all(min(a[i], d[i]) <= point[i] <= max(a[i], d[i]) for point in (b, c) for i in (0, 1))

    def points(self) -> list[Point]:
        """Return points along the course, near enough to one another to find what it touches."""
        return [point for curve in self.curves for point in _samples(curve)]


class Router:
    """Finds a course for one edge after another, around the cards and beside earlier detours."""

    def __init__(self, positions: Iterable[Position], *, around_cards: bool = True) -> None:
        self._around = around_cards
        self._cells: dict[tuple[int, int], list[Point]] = {}
        self._tracks: list[tuple[float, float, float]] = []
        for position in positions:
            self._cells.setdefault(_cell(position.x, position.y), []).append((position.x, position.y))

    def route(self, source: Position, target: Position) -> Route:
        """Return the course of an edge between the nodes at two places."""
        if source == target:
            return _loop(source)
        if target.x - source.x > NODE_WIDTH + 2 * ARROW:
            return self._forward(source, target)
        if source.x - target.x < NODE_WIDTH and abs(target.y - source.y) > NODE_HEIGHT + 2 * ARROW:
            return self._vertical(source, target)
        return self._backward(source, target)

    def covers(self, x: float, y: float, *, margin_x: float, margin_y: float) -> bool:
        """Say whether a card lies at a point, or nearer to it than the margins."""
        return any(self._cards_in(x, y, x, y, HALF_W + margin_x, HALF_H + margin_y))

    def _is_free(self, route: Route) -> bool:
        corners = [corner for curve in route.curves for corner in curve]  # the course stays within them
        xs, ys = zip(*corners, strict=True)
        cards = list(self._cards_in(min(xs), min(ys), max(xs), max(ys)))
        (ax, ay), (bx, by), near = corners[0], route.tip, _GUTTER / 2
        for curve in route.curves:
            for x, y in _samples(curve):
                if abs(x - ax) + abs(y - ay) <= near or abs(x - bx) + abs(y - by) <= near:
                    continue  # where it leaves and arrives there is a card
                for card_x, card_y in cards:
                    if abs(card_x - x) < _ROOM_X and abs(card_y - y) < _ROOM_Y:
                        return False
        return True

    def _is_clear(self, left: float, right: float, lane: float) -> bool:
        """Say whether a level line touches no card."""
        return not any(self._cards_in(left, lane, right, lane))

    def _cards_in(
        self, left: float, top: float, right: float, bottom: float, room_x: float = _ROOM_X, room_y: float = _ROOM_Y
    ) -> Iterator[Point]:
        """Yield the middles of the cards that are nearer to a box than the room they are left."""
        left, right, top, bottom = left - room_x, right + room_x, top - room_y, bottom + room_y
        (first, low), (last, high) = _cell(left, top), _cell(right, bottom)
        for i in range(first, last + 1):
            for j in range(low, high + 1):
                for x, y in self._cells.get((i, j), ()):
                    if left < x < right and top < y < bottom:
                        yield x, y

    def _forward(self, source: Position, target: Position) -> Route:
        start, tip = (source.x + HALF_W, source.y), (target.x - HALF_W, target.y)
        end = (tip[0] - ARROW, tip[1])
        direct = Route((_flat(start, end),), tip, (1.0, 0.0))
        run = tip[0] - start[0]
        if not self._around or run < NODE_WIDTH or self._is_free(direct):
            if run > NODE_WIDTH and abs(start[1] - tip[1]) < _TRACK:
                self._take_track(start[0], tip[0], start[1])
            return direct
        bend = min(80.0, run / 4)
        for lane in _lanes((source.y + target.y) / 2):
            near, far = (start[0] + bend, lane), (end[0] - bend, lane)
            if not self._is_clear(near[0], far[0], lane):
                continue
            route = Route((_flat(start, near), _line(near, far), _flat(far, end)), tip, (1.0, 0.0))
            if self._is_free(route) and self._take_track(near[0], far[0], lane):
                return route
        return direct

    def _vertical(self, source: Position, target: Position) -> Route:
        down = 1.0 if target.y > source.y else -1.0
        start, tip = (source.x, source.y + down * HALF_H), (target.x, target.y - down * HALF_H)
        end = (tip[0], tip[1] - down * ARROW)
        reach = (end[1] - start[1]) / 2
        curve = (start, (start[0], start[1] + reach), (end[0], end[1] - reach), end)
        direct = Route((curve,), tip, (0.0, down), back=down < 0)
        if not self._around or self._is_free(direct):
            return direct
        start, tip = (source.x + HALF_W, source.y), (target.x + HALF_W, target.y)
        side = max(start[0], tip[0]) + 50.0
        bow = (start, (side, start[1]), (side, tip[1]), (tip[0] + ARROW, tip[1]))
        return Route((bow,), tip, (-1.0, 0.0), back=down < 0)

    def _backward(self, source: Position, target: Position) -> Route:
        """From the bottom (or top) of the source along a free lane to the bottom (or top) of the target."""
        low, high = max(source.y, target.y), min(source.y, target.y)
        candidates = []
        for step in range(14):
            away = HALF_H + _GUTTER + step * _TRACK
            candidates += [(low + away, 1.0), (high - away, -1.0)]
        for lane, side in candidates:
            route = _detour(source, target, lane, side)
            if (not self._around or self._is_free(route)) and self._take_track(target.x, source.x, lane):
                return route
        floor = max((y for cards in self._cells.values() for _, y in cards), default=low)
        lane = floor + HALF_H + _GUTTER
        while not self._take_track(target.x, source.x, lane):
            lane += _TRACK
        return _around_ends(source, target, lane)

    def _take_track(self, left: float, right: float, lane: float) -> bool:
        """Keep two detours from running on one another; a drawing too full for that gets no more tracks."""
        if len(self._tracks) > 200:
            return True
        if any(abs(y - lane) < _TRACK - 4 and left < b and a < right for a, b, y in self._tracks):
            return False
        self._tracks.append((left, right, lane))
        return True


def _cell(x: float, y: float) -> tuple[int, int]:
    return int(x // _CELL), int(y // _CELL)


def _samples(curve: Cubic) -> Iterator[Point]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = curve
    count = max(4, min(64, int((abs(dx - ax) + abs(dy - ay)) / 8)))
    for p, q, r, s in _weights(count):
        yield p * ax + q * bx + r * cx + s * dx, p * ay + q * by + r * cy + s * dy


@cache
def _weights(count: int) -> list[tuple[float, float, float, float]]:
    """Return how much each of a curve's four points counts, at equal steps along it."""
    steps = [(1 - i / count, i / count) for i in range(count + 1)]
    return [(u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t) for u, t in steps]


def _lanes(middle: float) -> Iterator[float]:
    for step in range(1, 24):
        yield middle + step * 20.0
        yield middle - step * 20.0


def _flat(start: Point, end: Point) -> Cubic:
    """Return a curve that leaves and arrives horizontally."""
    reach = (end[0] - start[0]) / 2
    return start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end


def _line(start: Point, end: Point) -> Cubic:
    (ax, ay), (bx, by) = start, end
    return start, (ax + (bx - ax) / 3, ay + (by - ay) / 3), (bx - (bx - ax) / 3, by - (by - ay) / 3), end


def _loop(node: Position) -> Route:
    top = node.y - HALF_H
    tip = (node.x - 62.0, top)
    curve = ((node.x - 22.0, top), (node.x - 22.0, top - 44.0), (tip[0], top - 44.0), (tip[0], top - ARROW))
    return Route((curve,), tip, (0.0, 1.0), back=True)


def _detour(source: Position, target: Position, lane: float, side: float) -> Route:
    start = (source.x - 28.0, source.y + side * HALF_H)
    tip = (target.x + 28.0, target.y + side * HALF_H)
    if start[0] - tip[0] < 40.0:
        start, tip = (source.x + 28.0, start[1]), (target.x - 28.0, tip[1])
    end = (tip[0], tip[1] + side * ARROW)
    corners = [start, (start[0], lane), (tip[0], lane), end]
    return Route(_rounded(corners), tip, (0.0, -side), back=True)


def _around_ends(source: Position, target: Position, lane: float) -> Route:
    """Leave by the source's right side and arrive at the target's left side, below everything."""
    start, tip = (source.x + HALF_W, source.y), (target.x - HALF_W, target.y)
    right, left = start[0] + _GUTTER, tip[0] - _GUTTER
    corners = [
        start,
        (right, start[1]),
        (right, lane),
        (left, lane),
        (left, tip[1]),
        (tip[0] - ARROW, tip[1]),
    ]
    return Route(_rounded(corners), tip, (1.0, 0.0), back=True)


def _rounded(corners: Sequence[Point], radius: float = 14.0) -> tuple[Cubic, ...]:
    """Return a line through corners, each rounded off."""
    curves: list[Cubic] = []
    here = corners[0]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        room = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        entry, leave = _towards(corner, before, room), _towards(corner, after, room)
        curves += [
            _line(here, entry),
            (entry, _towards(corner, entry, room / 2), _towards(corner, leave, room / 2), leave),
        ]
        here = leave
    curves.append(_line(here, corners[-1]))
    return tuple(curves)


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end) or 1.0
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole
