"""`report.md`: the same figures and flags as the page, as tables that GitHub reads."""

from pathlib import Path

import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.markdown import MOST_PROBLEMS, code, escaped, render_markdown
from reports.page import render
from reports.sections.leaderboard import leaderboard
from tests.reports.fake_run import replace, robust_first, write_run
from tests.reports.wishes import FOUR, Wishes

LABELS = ("fer", "ferplus")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(corruptions=(), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def tables(text: str) -> list[list[list[str]]]:
    """Tables as lists of lines of cells; every line of one has as many."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            lines = [line.strip("|").split(" | ") for line in block.strip().split("\n")]
            assert len({len(line) for line in lines}) == 1
            found.append([[cell.strip() for cell in line] for line in lines])
    return found


def test_each_label_set_has_its_table_with_the_figures_of_the_leaderboard(run: FinishedRun) -> None:
    first, second = tables(render_markdown(run))
    assert first[0][0] == "Model, FER labels" and second[0][0] == "Model, FER+ labels"
    assert len(first) == len(second) == 2 + 2
    board = leaderboard(run, Headline("linf", 4 / 255))
    of_model = {model: cells for model, _, cells, _, _ in board.rows}
    for line in (*first[2:], *second[2:]):
        model = line[0].split("`")[1]
        clean = of_model[model][board.head.index("Clean accuracy")]
        assert line[first[0].index("Clean accuracy")] == f"{clean.text} ({clean.small})"


def test_labels_of_another_data_set_have_its_name(run: FinishedRun) -> None:
    rows = run.results[run.results["label_set"] != "ferplus"]
    worst = rows[(rows["metric"] == "robust_accuracy") & (rows["perturbation"] == "worst_case")]
    told = {"metric": "robust_accuracy_spread", "detail": "1.2 % with seed 0, 3.7 % with seed 1"}
    rows = pd.concat([rows, worst.assign(**told)])
    data = run.manifest["data"] | {"label_names": {"fer": "RAF-DB"}}
    text = render_markdown(replace(run, results=rows, manifest=run.manifest | {"data": data}))
    assert "RAF-DB labels: 1.2 % with seed 0" in text and ", fer labels" not in text
    assert "RAF-DB labels" in text and "Model, RAF-DB labels" in text
    assert "not comparable" not in text
    assert "FER labels" not in text and "FER+" not in text
    plain = render_markdown(run)
    assert "RAF-DB" not in plain and "FER and FER+ figures are not comparable" in plain


def test_the_quick_tier_says_what_it_cannot_show(run: FinishedRun) -> None:
    config = run.manifest["config"] | {"tier": "quick"}
    quick = replace(run, manifest=run.manifest | {"config": config})
    words = "can show that a model is not robust, never that it is"
    assert words in render_markdown(quick) and words in render(quick)
    assert words not in render_markdown(run) and words not in render(run)


def test_the_verdict_names_the_first_and_says_what_is_tied(run: FinishedRun) -> None:
    text = render_markdown(run)
    assert "**Under FER labels** `" in text and "**Under FER+ labels** `" in text
    words = "ranks first of 2 but is not distinguishable from the other."
    assert f"It {words}" in text and f"It provisionally {words}" in text
    assert "not distinguishable" not in render_markdown(robust_first(run))


def test_flagged_figures_stay_flagged(run: FinishedRun) -> None:
    results = run.results.copy()
    worst = (results["model"] == FOUR[0]) & (results["perturbation"] == "worst_case")
    results.loc[worst, "status"] = "flagged"
    text = render_markdown(replace(run, results=results))
    line = next(line for line in text.split("\n") if line.startswith(f"| `{FOUR[0]}`"))
    assert line.startswith(f"| `{FOUR[0]}` ⚑ |")
    assert line.count("⚑\u00a0") == 5  # rank, area, two worst cases and median
    assert "- ⚑ simple\\_cnn.fer, PGD, FER labels: doubling the steps" in text
    assert "12 of 13 checks passed" in text  # three a model, and the flagged one


def test_many_flags_are_counted(run: FinishedRun) -> None:
    bad = run.checks[run.checks["status"] == "flagged"]
    checks = [bad.assign(message=f"{i} faces fell") for i in range(MOST_PROBLEMS + 3)]
    text = render_markdown(replace(run, checks=pd.concat(checks, ignore_index=True)))
    assert text.count("- ⚑") == MOST_PROBLEMS and "- 3 more in `index.html`" in text


def test_what_is_said_of_several_models_is_said_once(run: FinishedRun) -> None:
    bad = run.checks[run.checks["status"] == "flagged"]
    one, other, third = (bad.assign(model=model) for model in FOUR[:3])
    both = [part.assign(attacked_labels=name) for part in (one, other) for name in LABELS]
    text = render_markdown(replace(run, checks=pd.concat([*both, third], ignore_index=True)))
    together, alone = (line for line in text.split("\n") if line.startswith("- ⚑"))
    assert escaped(f"{FOUR[0]} and {FOUR[1]}, PGD, FER and FER+ labels:") in together
    assert escaped(f"{FOUR[2]}, PGD, FER labels:") in alone


def test_runs_without_attacks_checks_or_photographs_have_their_words(
    run: FinishedRun, tmp_path: Path
) -> None:
    clean = replace(run, results=run.results[run.results["perturbation"] == "none"])
    clean = replace(clean, checks=run.checks.iloc[:0])
    text = render_markdown(clean)
    assert "no attack was run" in text and "Worst case" not in text and "checks passed" not in text
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), generated=True, examples=0)
    text = render_markdown(FinishedRun(write_run(tmp_path, wishes)))
    assert "Generated faces" in text.split("\n")[2] and "1 model on" in text
    assert "see https://example.org" in text.split("\n")[2]


def test_names_from_outside_stay_names() -> None:
    assert code("a|b`c\nd") == "`a\\|b'c d`"
    assert escaped("<b>x</b> [y](z) @all") == "\\<b\\>x\\</b\\> \\[y\\](z) \\@all"
    assert escaped("faces for $5 and $6") == "faces for \\$5 and \\$6"  # GitHub's mathematics
