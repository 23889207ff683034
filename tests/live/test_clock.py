"""How times are written."""

import pytest

from live.clock import clock, end_of_axis


@pytest.mark.parametrize(
    ("seconds", "places", "text"),
    [
        (0, 1, "0:00.0"),
        (1.26, 1, "0:01.3"),
        (59.97, 1, "1:00.0"),
        (59.997, 2, "1:00.00"),
        (62.04, 2, "1:02.04"),
        (3599.99, 1, "1:00:00.0"),
        (3725.5, 1, "1:02:05.5"),
        (59.6, 0, "1:00"),
    ],
)
def test_no_minute_has_60_seconds(seconds, places, text):
    assert clock(seconds, places) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (2.37, "2.4 s"), (59.97, "1:00 min"), (754, "12:34 min"), (3599.6, "1:00:00 h")],
)
def test_axes_have_units(seconds, text):
    assert end_of_axis(seconds) == text
