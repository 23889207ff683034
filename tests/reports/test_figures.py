"""`reports.figures`: charts as files of the width asked for, with readable letters inside."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from datasets.base.errors import InputError
from reports import figures
from reports.paper.figures import READABLE, charts_in, figure_named, letters, write_figures
from reports.paper.file_formats import FigureFormat
from tests.reports.fake_run import write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wishes = Wishes(models=FOUR[:2], label_sets=("fer",), corruptions=(), examples=0)
    return write_run(tmp_path_factory.mktemp("run"), wishes)


def test_a_pdf_has_the_width_and_its_fonts_inside(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures.main(folder, "curve-fer-linf", FigureFormat.PDF, "3.3in", tmp_path)
    path, _, title, *_ = capsys.readouterr().out.splitlines()
    assert path == str(tmp_path / "curve-fer-linf.pdf") and title.startswith("FER labels: at 4/255")
    data = Path(path).read_bytes()
    (page,) = PdfReader(io.BytesIO(data)).pages
    assert float(page.mediabox.width) == pytest.approx(3.3 * 72, abs=0.01)
    assert float(page.mediabox.height) > 200
    resources: Any = page["/Resources"]
    fonts = [font.get_object() for font in resources["/Font"].values()]
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in inner["/FontDescriptor"]
    assert fonts and "simple_cnn.fer" in page.extract_text()
    figures.main(folder, "curve-fer-linf", FigureFormat.PDF, "3.3in", tmp_path)
    assert Path(path).read_bytes() == data


def test_the_widest_readable_drawing_is_taken(folder: Path, tmp_path: Path) -> None:
    drawn = figure_named(folder, "curve-fer-linf")
    (drawings,) = drawn.panels
    narrow, wide = sorted(float(figure.get_size_inches()[0]) for figure in drawings)
    for inches, expected in ((3.3, narrow), (7.5, wide)):
        (path,), smallest = write_figures(drawn, FigureFormat.SVG, inches, tmp_path)
        svg = path.read_text()
        assert f'width="{inches:g}in"' in svg and smallest >= READABLE
        box = re.search(r'viewBox="0 0 ([\d.]+)', svg)
        assert box and float(box[1]) == pytest.approx(72 * expected)
        assert "<text" not in svg and "var(--" not in svg and "#c8453b" in svg
    sizes = [letters(figure, 3.3) for figure in drawings]
    assert min(sizes) < READABLE <= max(sizes)


def test_panels_have_files_of_their_own_and_small_letters_are_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures.main(folder, "confusion-0", FigureFormat.SVG, "40mm", tmp_path)
    told = capsys.readouterr()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion-0-1.svg",
        "confusion-0-2.svg",
    ]
    found = re.search(
        r"smallest letters have [34]\.\d pt .* 8 pt from --width ([34]\.\din)", told.err
    )
    assert found
    figures.main(folder, "confusion-0", FigureFormat.SVG, found[1], tmp_path)
    assert not capsys.readouterr().err


def test_charts_of_a_fixed_width_are_readable_at_the_default_width(folder: Path) -> None:
    """Maps of models are as wide as there are models; all others fit a column."""
    small = {
        drawn.chart.name
        for drawn in charts_in(folder)
        for drawings in drawn.panels
        if max(letters(figure, 3.3) for figure in drawings) < READABLE
    }
    assert small <= {"attacks-fer", "transfer-fer"}


def test_bad_input_gets_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--figure must be one of curve-fer-linf, .*; got 'x'"):
        figures.main(folder, "x", FigureFormat.PDF, "3in", tmp_path)
    for width in ("3", "0in", "wide", "99in"):
        with pytest.raises(InputError, match=rf"--width must be .*; got '{width}'"):
            figures.main(folder, "scatter", FigureFormat.PDF, width, tmp_path)
