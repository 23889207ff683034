"""The map of parts of the face: its finding, its figures, its colours."""

import numpy as np
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.page import render
from reports.sections.region_map import region_maps
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), Wishes(regional=True, examples=2)))


def test_each_label_set_has_a_face_for_each_of_its_models(run: FinishedRun) -> None:
    fer, ferplus = region_maps(run, TOP)
    assert {face.model for face in fer.faces} == {FOUR[0], FOUR[1]}
    assert {face.model for face in ferplus.faces} == {FOUR[2], FOUR[3]}
    # rest: 5 of 10 faces; the regions are fifths of the picture.
    assert fer.title.startswith("FER labels: changing only the area outside eyes")
    assert [name for name, _, _ in fer.faces[0].shares] == [
        "rest",
        "mouth",
        "nose",
        "brows",
        "eyes",
    ]
    assert fer.faces[0].shares[0][2].startswith("20")


def test_a_run_without_regional_attacks_has_no_map(run: FinishedRun) -> None:
    nothing = {"name": np.empty(0, "<U5")}
    assert region_maps(replace(run, regions=nothing), TOP) == []
    assert region_maps(run, None) == []


def test_the_page_shows_it(run: FinishedRun) -> None:
    text = render(run)
    assert 'id="regions"' in text and 'href="#regions"' in text
    assert text.count('class="region-face"') == 4
