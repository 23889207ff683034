"""Figures that take their colours from the page."""

import re

import matplotlib as mpl
import numpy as np

from reports.charts.svg import (
    LEVELS,
    ROLES,
    STYLE,
    in_two_lines,
    ink_on,
    new_figure,
    sequential,
    theme_css,
    to_svg,
)


def drawn(name: str = "f", alt: str = "A line") -> str:
    with mpl.rc_context(STYLE):
        figure = new_figure(300, 200)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], marker="o", color=ROLES["attacked"][0])
        axes.pcolormesh(np.array([[0.0, 1.0]]), cmap=sequential("mako"), vmin=0, vmax=1)
        axes.text(0.5, 0.5, "cell", color=ink_on(0.0))
        axes.set_xlabel("a < b")
    return to_svg(figure, name, alt)


def test_colours_become_variables_of_the_page() -> None:
    svg = drawn()
    assert "var(--attacked)" in svg
    assert "var(--mako-0)" in svg and f"var(--mako-{LEVELS - 1})" in svg
    assert "var(--on-low)" in svg
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)


def test_text_is_text_in_the_font_of_the_page() -> None:
    svg = drawn()
    assert ">cell</text>" in svg and "a &lt; b</text>" in svg
    assert "font-family" not in svg and "DejaVu" not in svg


def test_coordinates_are_shortened_but_no_text() -> None:
    names = ["cp-0.6789.keras", "cp-0.6781.keras", "a$x_$.keras"]
    with mpl.rc_context(STYLE):
        figure = new_figure(300, 200)
        axes = figure.add_subplot()
        axes.set_xticks([0.125], ["0.125"])
        axes.set_yticks([0.1, 0.2, 0.3], names)
    svg = to_svg(figure, "f", "Names")
    assert re.findall(r">([^<>\n]+)</text>", svg) == ["0.125", *names]
    assert not re.search(r"<[^>]*\d\.\d{3}", svg)


def test_same_figure_same_bytes_and_ids_carry_the_name() -> None:
    assert drawn() == drawn()
    ids = re.findall(r' id="([^"]+)"', drawn("one")) + re.findall(r' id="([^"]+)"', drawn("two"))
    assert len(ids) == len(set(ids)) > 0
    for reference in re.findall(r'(?:href="#|url\(#)([^")]+)', drawn("one")):
        assert reference in ids


def test_alt_text_is_escaped_and_nothing_is_loaded() -> None:
    svg = drawn(alt='"worst" <case>')
    assert 'role="img" aria-label="&quot;worst&quot; &lt;case&gt;"' in svg
    assert "<title>&quot;worst&quot; &lt;case&gt;</title>" in svg
    assert "http" not in svg and "<metadata" not in svg


def test_every_text_has_a_contrast_of_4_5_in_both_themes() -> None:
    for dark in (False, True):
        colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6});", theme_css(dark)))
        for role in ("ink", "muted", "error"):
            for ground in ("paper", "panel"):
                assert contrast(colours[role], colours[ground]) >= 4.5, (role, ground, dark)
        for name in ("mako", "rocket"):
            for level in range(LEVELS):
                ink = colours["on-low" if level < LEVELS // 2 else "on-high"]
                assert contrast(ink, colours[f"{name}-{level}"]) >= 4.5, (name, level, dark)


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast: (lighter + .05) / (darker + .05)."""
    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_long_names_are_broken_where_a_reader_would() -> None:
    assert in_two_lines("vgg_small_robust.fer") == "vgg_small_robust.fer"
    assert in_two_lines("sliding_hog_landmark_svm.fer") == "sliding_hog_\nlandmark_svm.fer"
    assert in_two_lines("x" * 30) == "x" * 15 + "\n" + "x" * 15
