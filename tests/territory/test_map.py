"""From longitude and latitude to path strings: exact on known points, small on a whole district."""

import gzip

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from ballatoio.base.territory.drawing import DOT_WIDTH, Drawing, dots_of, free_spot
from ballatoio.base.territory.map import area_path, frame_around, house_path, middle_of, ring_path, walking_minutes

MILANO = (9.19, 45.46)
SQUARE = {"type": "Polygon", "coordinates": [[[9.1, 45.4], [9.2, 45.4], [9.2, 45.5], [9.1, 45.5], [9.1, 45.4]]]}


def test_a_frame_without_points_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        frame_around([])


def test_one_point_falls_in_the_middle() -> None:
    frame = frame_around([MILANO], margin_m=100)
    assert (frame.width, frame.height) == (600, 600)
    assert frame.place(*MILANO) == (300, 300)


def test_north_is_up_and_east_is_right() -> None:
    frame = frame_around([MILANO], margin_m=1000)
    x, y = frame.place(MILANO[0] + 0.001, MILANO[1] + 0.001)
    assert x > 300
    assert y < 300


def test_a_hundred_metres_are_as_long_in_both_directions() -> None:
    frame = frame_around([MILANO], margin_m=500)
    east = frame.place(MILANO[0] + 100 / (111_320 * 0.70141), MILANO[1])[0] - 300
    north = 300 - frame.place(MILANO[0], MILANO[1] + 100 / 111_320)[1]
    assert (east, north) == (60, 60)


def test_a_long_street_is_not_drawn_as_a_thread() -> None:
    frame = frame_around([(9.10, 45.45), (9.20, 45.45)])
    assert frame.height == frame.width / 2


def test_a_ring_becomes_the_shortest_path() -> None:
    assert ring_path([(1, 2), (1, 2), (5, 2), (5, -3), (1, 2)]) == "M1 2l4 0 0-5z"


def test_a_ring_that_has_shrunk_to_a_point_is_left_out() -> None:
    assert ring_path([(1, 2), (1, 2), (1, 2)]) == ""


def test_a_house_without_a_shape_is_a_small_square() -> None:
    frame = frame_around([MILANO], margin_m=300)
    assert house_path(None, MILANO, frame) == "M293 293h14v14h-14z"


def test_the_middle_of_a_shape() -> None:
    assert middle_of(SQUARE) == pytest.approx((9.15, 45.45))
    assert middle_of(None) is None
    assert middle_of({"type": "Point", "coordinates": [9, 45]}) is None


@given(st.lists(st.tuples(st.floats(9.0, 9.3), st.floats(45.4, 45.6)), min_size=1, max_size=30))
def test_every_point_falls_inside_its_own_frame(points: list[tuple[float, float]]) -> None:
    frame = frame_around(points)
    assert all(frame.shows(*point) for point in points)


def test_numbers_on_one_spot_stand_beside_each_other() -> None:
    frame = frame_around([MILANO])
    dots = dots_of([MILANO] * 8, frame)
    assert [dot.number for dot in dots] == [1, 2, 3, 4, 5, 6, 7, 8]
    apart = [(a.x - b.x) ** 2 + (a.y - b.y) ** 2 for place, a in enumerate(dots) for b in dots[:place]]
    assert min(apart) >= DOT_WIDTH**2


def test_where_no_spot_is_free_a_number_stays_at_its_place() -> None:
    frame = frame_around([MILANO])
    everywhere = [(x, y) for x in range(0, 601, 10) for y in range(0, 601, 10)]
    assert free_spot((300, 300), everywhere, frame) == (300, 300)


def test_a_district_of_300_houses_weighs_less_than_6_kilobytes() -> None:
    houses = [
        {
            "type": "Polygon",
            "coordinates": [
                [
                    [9.13 + i % 20 * 0.0006 + dx + i * 1e-6, 45.44 + i // 20 * 0.0005 + dy + i * 2e-6]
                    for dx, dy in ((0, 0), (0.0004, 0.0001), (0.00037, 0.0002), (-0.00003, 0.0001), (0, 0))
                ]
            ],
        }
        for i in range(300)
    ]
    frame = frame_around([middle for house in houses if (middle := middle_of(house))])
    drawing = Drawing(
        width=frame.width,
        height=frame.height,
        area="",
        houses="".join(area_path(house, frame) for house in houses),
        here="",
        lab=None,
        dots=[],
        labels=[],
    )
    assert drawing.houses.count("M") == 300
    assert len(gzip.compress(render_to_string("home/map.svg", {"map": drawing}).encode(), 9)) <= 6_000


@pytest.mark.parametrize(("metres", "minutes"), [(0, 1), (50, 1), (205, 4), (1000, 20)])
def test_walking_minutes(metres: int, minutes: int) -> None:
    assert walking_minutes(metres) == minutes
