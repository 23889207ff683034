"""Certified accuracy by radius: one chart a label set and sigma, its title from the figures."""

import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import pick
from reports.sections.certification import certified_charts
from reports.sections.method import attack_words
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], corruptions=(), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def test_each_label_set_has_its_curve(run: FinishedRun) -> None:
    fer, ferplus = certified_charts(run)
    assert (fer.name, ferplus.name) == ("certified-fer-smooth0-1", "certified-ferplus-smooth0-1")
    assert len(fer.table.rows) == 2 * 18 and len(ferplus.table.rows) == 18
    rows = pick(run.results, metric="certified_accuracy", subset="all", model=FOUR[2], eps=0.05)
    value = pick(rows, label_set="ferplus")["value"].iloc[0]
    assert f"{100 * value:.0f}\u202f% certified up to L2 0.05" in ferplus.title
    assert "Smoothing abstains on 10\u202f% of faces" in ferplus.caption
    assert ">most frequent class</text>" in ferplus.panels[0].svgs[0]
    assert f">{FOUR[2]}</text>" in ferplus.panels[0].svgs[0]
    assert f">{FOUR[0]}</text>" not in ferplus.panels[0].svgs[0]


def test_the_caption_says_how_sure_a_certificate_is(run: FinishedRun) -> None:
    job = {
        "model": "tiny.fer",
        "perturbation": "smooth0.1",
        "options": {"samples": 1000, "alpha": 0.001},
    }
    told = replace(run, manifest=run.manifest | {"perturbations": [job]})
    caption = certified_charts(told)[0].caption
    assert (
        "1\u202f000 noisy answers and is wrong with a probability of at most 0.1\u00a0%" in caption
    )


def test_certificates_are_no_attack(run: FinishedRun) -> None:
    assert run.norms == ["linf"]
    assert not any("smooth" in name for name, _, _ in attack_words(run))
    bare = run.results[run.results["norm"] != "l2"]
    assert certified_charts(replace(run, results=bare)) == []
