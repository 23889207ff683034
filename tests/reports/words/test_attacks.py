"""Names of attacks: from the manifest of the run, so that a new attack needs no edit in reports."""

from pathlib import Path

import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.attack_matrices import attack_matrix_charts
from reports.sections.method import attack_words
from reports.sections.threat_model import threat_model
from reports.words.attacks import attack_title, words
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), corruptions=(), examples=0)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


def test_a_new_attack_is_named_and_explained_by_the_manifest(run: FinishedRun) -> None:
    results = run.results.replace({"perturbation": {"fgsm": "meteor"}})
    entries = [
        {**entry, "perturbation": "meteor", "title": "Meteor++", "words": "falls on a face"}
        if entry["perturbation"] == "fgsm"
        else entry
        for entry in run.manifest["perturbations"]
    ]
    new = replace(run, results=results, manifest=run.manifest | {"perturbations": entries})
    assert attack_title(new.manifest, "meteor") == "Meteor++"
    assert ("Meteor++", "falls on a face", "") in attack_words(new)
    assert "Attacks: Meteor++ and PGD." in " ".join(threat_model(new, TOP))
    (chart,) = attack_matrix_charts(new, TOP)
    assert ">Meteor++</text>" in chart.panels[0].svgs[0]


def test_older_runs_have_known_names(run: FinishedRun) -> None:
    assert "title" not in run.manifest["perturbations"][0]
    assert attack_title(run.manifest, "apgd_t") == words("apgd_t") == "targeted APGD"
    assert attack_title(run.manifest, "worst_case") == "worst case"
    assert attack_title(run.manifest, "gaussian_blur") == "Gaussian blur"
