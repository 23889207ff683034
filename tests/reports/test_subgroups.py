"""The panel of groups of faces."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.schema import GAP_COLUMNS
from evaluation.results.select import Headline
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.figures import ranked
from reports.subgroups import subgroup_panel
from reports.table import Table
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)
MODEL = FOUR[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), corruptions=(), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def download(table: Table) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(base64.b64decode(table.uri.partition(",")[2])))


def gap(**changes: object) -> dict[str, object]:
    return {
        "model": MODEL, "label_set": "fer", "subset": "age:adult", "others": "age:child",
        "perturbation": "none", "norm": "", "eps": 0.0, "value": 0.7, "n": 380,
        "others_value": 0.5, "others_n": 20, "gap": 0.2, "ci_low": 0.05, "ci_high": 0.35,
        "p_value": 0.004, "p_holm": 0.012, "distinguishable": True, "smallest_gap": 0.31,
    } | changes  # fmt: skip


def grouped(run: FinishedRun, *gaps: dict[str, object]) -> FinishedRun:
    """The first 20 faces are children, the next 6 infants, all others adults."""
    faces = run.per_image.drop_duplicates("row")["row"].tolist()
    names = {row: ["age:child"] if place < 20 else ["age:adult"] for place, row in enumerate(faces)}
    names |= {row: ["age:infant"] for row in faces[20:26]}
    per_image = run.per_image.assign(subgroups=run.per_image["row"].map(names))
    everything = run.results[run.results["subset"] == "all"]
    parts = [
        everything.assign(subset="age:child", n=20, value=0.5, ci_low=0.3, ci_high=0.7),
        everything.assign(subset="age:adult", n=len(faces) - 26),
    ]
    table = pd.DataFrame(gaps, columns=list(GAP_COLUMNS)).astype(GAP_COLUMNS)
    return replace(run, per_image=per_image, results=pd.concat([run.results, *parts]), gaps=table)


def test_a_run_without_groups_has_no_panel(plain: FinishedRun) -> None:
    assert subgroup_panel(plain, TOP) is None
    assert "Groups of faces" not in render(plain)
    assert "Groups of faces" not in render_markdown(plain)


def test_upper_bounds_of_groups_are_marked(plain: FinishedRun) -> None:
    models = {MODEL: plain.manifest["models"][MODEL] | {"black_box": True}}
    panel = subgroup_panel(
        grouped(replace(plain, manifest=plain.manifest | {"models": models}), gap()), TOP
    )
    assert panel is not None
    clean, worst = panel.figures.rows[0][4:]
    assert worst.startswith("\u2264\u202f") and not clean.startswith("\u2264")
    assert download(panel.figures)["upper_bound"].all()


def test_the_download_of_groups_says_which_figures_are_flagged(plain: FinishedRun) -> None:
    run = grouped(plain, gap())
    worst = run.results["perturbation"] == "worst_case"
    flagged = run.results.assign(status=run.results["status"].mask(worst, "flagged"))
    panel = subgroup_panel(replace(run, results=flagged), TOP)
    assert panel is not None
    table = download(panel.figures)
    assert set(table["status"]) == {"ok"} and set(table["robust_status"]) == {"flagged"}
    assert not table["upper_bound"].any()


def test_groups_have_figures_warnings_and_gaps(plain: FinishedRun) -> None:
    attacked = gap(perturbation="worst_case", norm="linf", eps=4 / 255, gap=-0.1)
    attacked |= {"p_holm": 1.0, "distinguishable": False}
    run = grouped(plain, gap(), attacked)
    panel = subgroup_panel(run, TOP)
    assert panel is not None
    assert [row[2] for row in panel.figures.rows] == ["age:adult", "age:child \u26a0"]
    child = panel.figures.rows[1]
    assert child[1] == "FER" and child[3] == "20"
    assert child[4].startswith("50\u202f% (30\u201370)")
    assert panel.notes == [
        "\u26a0 Fewer than 30 faces, so intervals are wide: age:child (20).",
        "Fewer than 10 faces, so not shown: age:infant (6).",
    ]
    clean, worst = panel.gaps.rows
    assert clean[1:4] == ["age:adult (380)", "age:child (20)", "clean"]
    assert clean[4:] == ["20.0 (5.0 to 35.0)", "0.012", "31"]
    assert worst[3] == "worst case 4/255" and worst[4].startswith("\u221210.0")
    assert panel.findings == [f"{MODEL}: age:adult 20.0 points above age:child (clean)."]
    page = render(run)
    assert 'id="groups"' in page and "does not say why" in page
    assert f"- {MODEL}: age:adult 20.0 points above" in render_markdown(run).replace("\\", "")


def test_a_gap_between_flagged_figures_is_flagged(plain: FinishedRun) -> None:
    attacked = gap(perturbation="worst_case", norm="linf", eps=4 / 255)
    run = grouped(plain, gap(), attacked)
    worst = (run.results["perturbation"] == "worst_case") & (run.results["subset"] == "all")
    statuses = run.results["status"].mask(worst, "flagged").mask(~worst, "ok")
    results = run.results.assign(status=statuses)
    marks = replace(run, per_image=run.per_image, results=results, gaps=run.gaps)
    panel = subgroup_panel(marks, TOP)
    assert panel is not None
    clean, flagged = (row[4] for row in panel.gaps.rows)
    assert not clean.startswith("\u2691") and flagged.startswith("\u2691")
    assert "age:adult 20.0 points above age:child (clean)" in panel.findings[0]
    assert "age:adult \u2691\u00a020.0 points above age:child (attacked)" in panel.findings[0]


def test_what_was_not_found_names_the_reach_of_this_many_faces(plain: FinishedRun) -> None:
    unclear = gap(distinguishable=False, p_holm=0.3)
    panel = subgroup_panel(grouped(plain, unclear), TOP)
    assert panel is not None
    assert "no gap is distinguishable; this many faces show one of" in panel.findings[0]
    assert "one of 31\u00a0points (clean) four times in five." in panel.findings[0]
    panel = subgroup_panel(grouped(plain, unclear | {"smallest_gap": np.inf}), TOP)
    assert panel is not None
    assert "this many faces could show none" in panel.findings[0]
    assert panel.gaps.rows[0][-1] == "none"
    panel = subgroup_panel(grouped(plain), TOP)
    assert panel is not None and "enough faces to be compared" in panel.findings[0]


def test_the_main_finding_is_the_first_with_a_gap(tmp_path: Path) -> None:
    wishes = Wishes(models=FOUR[:2], label_sets=("fer",), corruptions=(), examples=0)
    run = FinishedRun(write_run(tmp_path, wishes))
    first, second = ranked(run)
    none = gap(model=first, distinguishable=False)
    panel = subgroup_panel(grouped(run, none, gap(model=second)), TOP)
    assert panel is not None and panel.main == panel.findings[1]
    assert panel.main.startswith(f"{second}: age:adult 20.0 points above")
    panel = subgroup_panel(grouped(run, none, none | {"model": second}), TOP)
    assert panel is not None and panel.main == panel.findings[0]
