"""Robust accuracy against 8-bit images beside the float one."""

import base64
import io
from pathlib import Path

import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick, robust_accuracy
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.eight_bits import eight_bit_table
from reports.sections.figures import EIGHT_BITS
from reports.sections.leaderboard import leaderboard
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), corruptions=(), examples=0)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


@pytest.fixture(scope="module")
def rounded(run: FinishedRun) -> FinishedRun:
    """The run with 8-bit figures of 0.5 at every eps."""
    worst = robust_accuracy(run.results, "fer", "linf")
    changes = {"metric": EIGHT_BITS, "value": 0.5, "ci_low": 0.45, "ci_high": 0.55}
    return replace(run, results=pd.concat([run.results, worst.assign(**changes)]))


def test_both_figures_stand_side_by_side(run: FinishedRun, rounded: FinishedRun) -> None:
    (robust,) = pick(robust_accuracy(run.results, "fer", "linf"), eps=4 / 255)["value"]
    table = eight_bit_table(rounded)
    assert table is not None
    ((model, labels, eps, before, after, n),) = table.rows
    assert (model, labels, eps, n) == (FOUR[0], "FER", "4/255", "400")
    assert before.startswith(f"{100 * robust:.1f}\u202f% (")
    assert after == "50\u202f% (45\u201355)"
    assert table.numeric[3:] == [True] * 3
    page, summary = render(rounded), render_markdown(rounded)
    assert "worst case, 8-bit images" in page and "8-bit images 4/255" in page
    assert "| Worst case 4/255 | Worst case 1/255 | 8-bit images 4/255 |" in summary or (
        "| Worst case 4/255 | 8-bit images 4/255 |" in summary
    )
    assert "50\u202f% (45\u201355)" in summary


def test_flags_and_bounds_are_in_the_download_too(rounded: FinishedRun) -> None:
    entries = {name: one | {"black_box": True} for name, one in rounded.manifest["models"].items()}
    results = rounded.results.copy()
    results.loc[results["metric"] == EIGHT_BITS, "status"] = "flagged"
    blind = replace(rounded, results=results, manifest=rounded.manifest | {"models": entries})
    table = eight_bit_table(blind)
    assert table is not None and table.numeric[3:] == [True] * 3
    before, after = table.rows[0][3:5]
    assert before.startswith("\u2264\u202f") and after.startswith("\u2691\u00a0\u2264\u202f50")
    _, _, code = table.uri.partition(",")
    (told,) = pd.read_csv(io.BytesIO(base64.b64decode(code))).itertuples()
    assert (told.robust_accuracy_status, told.robust_accuracy_8bit_status) == ("ok", "flagged")
    assert told.upper_bounds


def test_an_older_run_has_no_table(run: FinishedRun) -> None:
    assert eight_bit_table(run) is None
    assert "8-bit images 4/255" not in render_markdown(run)


def test_an_eps_below_one_step_has_no_eight_bit_image(run: FinishedRun) -> None:
    """Its figure would be the clean accuracy: no attack, not a weak one."""
    half = robust_accuracy(run.results, "fer", "linf").query("eps < 0.005 and eps > 0")
    half = half.assign(eps=0.5 / 255)
    attacked = ~run.results["eps"].gt(0)
    changes = {"metric": EIGHT_BITS, "value": 0.64}
    finer = replace(run, results=pd.concat([run.results[attacked], half, half.assign(**changes)]))
    top = Headline("linf", 0.5 / 255)
    table = eight_bit_table(finer)
    assert table is not None and table.rows[0][2:5:2] == ["0.5/255", "no 8-bit image is so near"]
    assert not any(title.startswith("8-bit") for title in leaderboard(finer, top).head)
