"""Panels on two label sets of other data than FER2013 call them by their names."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.disputed_faces import disputed_faces
from reports.sections.label_noise import label_noise_charts
from reports.sections.label_sets import label_set_chart
from reports.words.text import labels_named
from tests.reports.fake_run import replace

TOP = Headline("linf", 4 / 255)


@pytest.fixture
def named() -> Iterator[None]:
    with labels_named({"fer": "moods", "ferplus": "moods votes"}):
        yield


def test_no_panel_speaks_of_fer(run: FinishedRun, named: None) -> None:
    charts = [*label_noise_charts(run, TOP), label_set_chart(run, TOP)]
    panel = disputed_faces(run, TOP)
    assert panel is not None and len(charts) == 5
    texts = [panel.title, panel.caption, *panel.shares.head, *chain(*panel.shares.rows)]
    for chart in charts:
        assert chart is not None
        texts += [chart.title, chart.caption, *chart.table.head, *chain(*chart.table.rows)]
        texts += [part.heading for part in chart.panels]
    assert not [text for text in texts if "FER" in text]
    assert charts[0] is not None and "Always answering the moods votes label" in charts[0].title
    assert panel.moments["clean"] == ["seven", "eight"]  # narrow columns
    assert "models of seven classes agree with moods in" in panel.title


def test_the_caption_counts_the_annotators(run: FinishedRun) -> None:
    votes = run.per_image["votes"].map(lambda row: None if row is None else np.asarray(row))
    caption = label_noise_charts(run, TOP)[0].caption
    assert "rest on the votes of 10 annotators" in caption
    more = votes.where(run.per_image["row"] != run.per_image["row"].iloc[0], None)
    more = more.map(lambda row: np.array([0, 0, 3, 0, 0, 0, 0, 0, 0, 0]) if row is None else row)
    caption = label_noise_charts(replace(run, per_image=run.per_image.assign(votes=more)), TOP)[
        0
    ].caption
    assert "rest on the votes of 3 to 10 annotators" in caption
