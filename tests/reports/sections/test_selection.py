"""What models were selected on, and the split to quote."""

from pathlib import Path
from typing import Any

import pytest

from evaluation.results.run import FinishedRun
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.selection import selected_on, split_note
from reports.words.text import THIN
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

EPOCH = "Epoch chosen on PublicTest (3,589 faces)."
SHOWN = EPOCH.replace(",", THIN)  # as the page writes its own numbers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], label_sets=("fer",), corruptions=(), examples=0)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


def with_data(run: FinishedRun, **data: Any) -> FinishedRun:
    return replace(run, manifest=run.manifest | {"data": run.manifest["data"] | data})


def with_cards(run: FinishedRun, cards: dict[str, dict[str, str]]) -> FinishedRun:
    models = {
        model: entry | {"card": cards.get(model)} for model, entry in run.manifest["models"].items()
    }
    return replace(run, manifest=run.manifest | {"models": models})


def test_models_selected_alike_share_a_text(run: FinishedRun) -> None:
    cards = {FOUR[0]: {"selected_on": EPOCH}, FOUR[2]: {"selected_on": EPOCH}, FOUR[1]: {}}
    told = with_cards(run, cards)
    assert selected_on(told) == [(f"{FOUR[0]} and {FOUR[2]}", SHOWN)]
    page = render(told)
    assert SHOWN in page and "3,589" not in page.partition('id="manifest"')[0]
    assert selected_on(run) == [] and "selected on which faces" not in render(run)


def test_private_test_is_recommended_where_the_data_hold_it(run: FinishedRun) -> None:
    public = with_data(run, private_test_available=True)
    assert "<code>--split PrivateTest</code>" in render(public)
    assert "run again with `--split PrivateTest`" in render_markdown(public)
    assert split_note(run) == ""
    assert split_note(with_data(run, private_test_available=False)) == ""
    assert split_note(with_cards(public, {})) == ""  # foreign models alone


def test_a_run_on_private_test_says_so(run: FinishedRun) -> None:
    private = with_data(run, split="PrivateTest", private_test_available=True)
    assert "These are figures on PrivateTest" in render(private)
    assert "These are figures on PrivateTest" in render_markdown(private)
    assert "--split" not in split_note(private)
