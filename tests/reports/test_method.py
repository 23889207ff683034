"""`reports.method`: a paragraph on how a run measured, and the entries that it cites."""

import re
from pathlib import Path

import pytest

from evaluation.results.run import FinishedRun
from reports import method
from reports.paper.file_formats import MethodFormat
from reports.paper.method import method_sentences
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wishes = Wishes(models=(FOUR[0], FOUR[2]), corruptions=(), examples=0)
    return write_run(tmp_path_factory.mktemp("run"), wishes)


def printed(folder: Path, form: MethodFormat, capsys: pytest.CaptureFixture[str]) -> str:
    method.main(folder, form)
    return capsys.readouterr().out


def test_the_paragraph_states_what_was_measured(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(folder, MethodFormat.LATEX, capsys)
    for words in (
        r"2 classifiers (simple\_cnn.fer and simple\_cnn.ferplus) with Deadpan",
        r"Deadpan 0.1.0~\cite{deadpan}",
        r"400 faces of fer2013~\cite{goodfellow2013challenges} (PublicTest",
        "FER labels (n = 400) and FER+ labels (n = 360)",
        r"FER+ labels~\cite{barsoum2016training} follow the majority rule",
        r"in L$\infty$, a pixel changes by at most eps = 1/255, 2/255 and 4/255",
        r"PGD~\cite{madry2018towards} (steps 10, restarts 1, step\_size 0.25)",
        r"FGSM~\cite{goodfellow2015explaining}",
        r"95 \% intervals",
        "The random seed is 0.",
        "Software: Deadpan 0.1.0, Python 3.12 and TensorFlow 2.21.0.",
    ):
        assert words in text, words
    assert "\ue000" not in text and text.isascii()


def test_what_is_cited_has_an_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(folder, MethodFormat.LATEX, capsys)
    bibtex = printed(folder, MethodFormat.BIBTEX, capsys)
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}
    entries = re.findall(r"^@\w+\{([\w-]+),$", bibtex, flags=re.MULTILINE)
    assert len(entries) == len(set(entries))
    assert cited <= set(entries) and set(entries) - cited == {"run-fer2013publictest2026"}
    assert bibtex.count("{") == bibtex.count("}")
    madry = bibtex.partition("@misc{madry2018towards,")[2].partition("\n}")[0]
    assert "howpublished = {arXiv:1706.06083}" in madry and "author = {Madry and others}" in madry
    assert "tier smoke, seed 0" in bibtex and "Deadpan: Adversarial robustness" in bibtex
    markdown = printed(folder, MethodFormat.MARKDOWN, capsys)
    assert set(re.findall(r"@([\w-]+)", markdown)) == cited


def test_settings_that_differ_between_models_are_told_apart(folder: Path) -> None:
    run = FinishedRun(folder)
    entries = [dict(entry) for entry in run.manifest["perturbations"]]
    for entry in entries:
        if entry["perturbation"] == "pgd" and entry["model"] == FOUR[2]:
            entry["options"] = {"steps": 99}
    changed = replace(run, manifest=run.manifest | {"perturbations": entries})
    text = " ".join(method_sentences(changed, None, lambda name: ""))
    assert (
        "PGD (steps 10, restarts 1, step_size 0.25 on simple_cnn.fer; steps 99 on "
        "simple_cnn.ferplus)" in text
    )


def test_labels_named_after_the_data_have_no_vote_rule(folder: Path) -> None:
    run = FinishedRun(folder)
    data = run.manifest["data"] | {"label_names": {"ferplus": "RAF-DB"}, "name": "RAF-DB"}
    changed = replace(run, manifest=run.manifest | {"data": data})
    text = " ".join(method_sentences(changed, None, lambda name: f"[{name}]"))
    assert "majority rule" not in text and "[fer2013]" not in text
