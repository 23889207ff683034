"""Number formatting, against values worked out by hand."""

import math

import pytest

from evaluation.results.select import Headline
from reports.template_parts import template_environment
from reports.words.attacks import words
from reports.words.text import (
    count,
    decimal,
    eps_text,
    face_count,
    interval,
    label_set_name,
    listing,
    parse_eps,
    percent,
    points,
    seconds,
    thin_thousands,
)

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.004, 0.001, 0.014, f"0.4{THIN}%"),  # interval 1.3 points wide: one decimal
        (0.712, 0.67, 0.75, f"71{THIN}%"),  # 8 points wide: none
        (0.632, 0.616, 0.648, f"63.2{THIN}%"),  # 3.2 points, PublicTest's n = 3,589
        (0.004, 0.0, 0.07, f"<1{THIN}%"),  # 7 points wide: 0.4 would round to 0
        (0.998, 0.93, 1.0, f">99{THIN}%"),
        (0.925, 0.85, 0.97, f"93{THIN}%"),  # halves round up
        (0.995, 0.93, 1.0, f">99{THIN}%"),
        (0.005, 0.0, 0.07, f"1{THIN}%"),
        (0.0, 0.0, 0.007, f"0.0{THIN}%"),
        (1.0, 0.99, 1.0, f"100.0{THIN}%"),
        (0.0004, 0.0, 0.002, f"<0.1{THIN}%"),
        (math.nan, math.nan, math.nan, "\u2014"),
    ],
)
def test_percent(value: float, low: float, high: float, expected: str) -> None:
    assert percent(value, low, high) == expected


def test_interval_has_the_digits_of_its_value() -> None:
    assert interval(0.001, 0.014) == "0.1\u20131.4"
    assert interval(0.67, 0.75) == "67\u201375"
    assert interval(0.0, 0.007) == "0.0\u20130.7"
    assert interval(0.0002, 0.007) == "<0.1\u20130.7"  # no end looks like none or all but is not
    assert interval(0.002, 0.07) == "<1\u20137"
    assert interval(0.994, 0.9997) == "99.4\u2013>99.9"
    assert interval(0.94, 0.998) == "94\u2013>99"
    assert interval(0.94, 1.0) == "94\u2013100"
    assert interval(math.nan, math.nan) == ""


@pytest.mark.parametrize(
    ("eps", "norm", "expected"),
    [
        (4 / 255, "linf", "4/255"),
        (0.5 / 255, "linf", "0.5/255"),
        (16 / 255, "linf", "16/255"),
        (0.1, "linf", "25.5/255"),
        (0.5, "linf", "127.5/255"),
        (0.25, "l2", "0.25"),
        (0.0, "linf", "0"),
        (math.nan, "linf", "\u2014"),
    ],
)
def test_eps_text(eps: float, norm: str, expected: str) -> None:
    assert eps_text(eps, norm) == expected


@pytest.mark.parametrize("eps", [0.01, 4 / 255, 0.5])
def test_the_eps_of_the_verdict_is_written_as_all_others(eps: float) -> None:
    assert Headline("linf", eps).text == eps_text(eps)


@pytest.mark.parametrize(("text", "value"), [("4/255", 4 / 255), ("0.5/255", 0.5 / 255), ("2", 2)])
def test_parse_eps_reads_what_eps_text_writes(text: str, value: float) -> None:
    assert parse_eps(text) == pytest.approx(value, rel=1e-12)


def test_counts_and_seconds_carry_thin_spaces() -> None:
    assert count(35887) == f"35{THIN}887"
    assert count(200) == "200"
    assert count(math.nan) == "\u2014"
    assert seconds(3.14) == f"3.1{THIN}s"
    assert seconds(42.4) == f"42{THIN}s"
    assert seconds(245) == f"4{THIN}min 05{THIN}s"  # 245 = 4 * 60 + 5
    assert seconds(3 * 3600 + 7 * 60) == f"3{THIN}h 07{THIN}min"
    assert seconds(7199) == f"2{THIN}h 00{THIN}min"  # rounds to 120 minutes
    assert seconds(math.nan) == "\u2014"


def test_numbers_from_elsewhere_get_thin_spaces() -> None:
    assert thin_thousands("1,234,567 faces, (1,000)") == f"1{THIN}234{THIN}567 faces, (1{THIN}000)"
    others = "rows 1, 234 and 5,6789; 0,12; a,123"
    assert thin_thousands(others) == others


def test_ids_are_continued_between_their_words() -> None:
    shown = template_environment().from_string("{{ name|breakable }}")
    assert shown.render(name="mini_xception.fer") == "mini_<wbr>xception<wbr>.fer"
    assert shown.render(name="a:b+c/<d>") == "a:<wbr>b+<wbr>c/<wbr>&lt;d&gt;"
    assert shown.render(name="Worst case 0.5/255") == "Worst case 0.5/255"


def test_words() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing([]) == ""
    assert (label_set_name("ferplus"), label_set_name("looks")) == ("FER+", "looks")
    assert (words("pgd"), words("gaussian_blur")) == ("PGD", "Gaussian blur")
    assert words("smooth0.25") == "randomised smoothing (sigma 0.25)"


def test_negative_figures_have_a_minus_sign() -> None:
    assert decimal(-4.771) == "\u22124.77"
    assert points(-0.0092) == "\u22120.9 points"
    assert interval(-0.03, 0.19) == "\u22123 to 19"


def test_a_difference_is_in_points() -> None:
    """As many decimals as its interval supports."""
    assert points(0.079, -0.03, 0.19) == "+8 points"
    assert points(0.079, 0.07, 0.09) == "+7.9 points"
    assert points(math.nan) == "\u2014"


def test_one_face_is_no_faces() -> None:
    assert [face_count(n) for n in (0, 1, 3589)] == ["0 faces", "1 face", f"3{THIN}589 faces"]
