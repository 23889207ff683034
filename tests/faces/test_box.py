import pytest

from faces.box import Box


def test_iou_by_hand():
    # intersection 5 x 10 = 50, union 100 + 100 - 50 = 150
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert Box(0, 0, 10, 10).iou(Box(20, 20, 10, 10)) == 0
    assert Box(3, 3, 0, 0).iou(Box(3, 3, 0, 0)) == 0


def test_square_keeps_the_middle_and_moves_down():
    # sides 10 and 20, mean 15; twice that is 30; middle (5, 10) moves down by 0.2 * 15 = 3
    square = Box(0, 0, 10, 20, 0.5).square(2, down=0.2)
    assert square.center == pytest.approx((5, 13))
    assert (square.width, square.height, square.score) == pytest.approx((30, 30, 0.5))


def test_clip():
    assert Box(-5, 2, 10, 10).clip(100, 8) == Box(0, 2, 5, 6)
    assert Box(200, 0, 10, 10).clip(100, 100).area == 0


def test_scaled_keeps_the_score():
    assert Box(1, 2, 3, 4, 0.5).scaled(2) == Box(2, 4, 6, 8, 0.5)


def test_the_best_match_is_the_largest_overlap_if_it_is_large_enough():
    box, far, half = Box(0, 0, 10, 10), Box(50, 50, 5, 5), Box(0, 0, 10, 5)
    assert box.best_match([far, half, box], 0.5) == 2
    assert box.best_match([far, half], 0.5) == 1
    assert box.best_match([far, half], 0.51) is None
    assert box.best_match([], 0.0) is None
