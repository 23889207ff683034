"""The page of a synthetic run: structure, self-containedness, determinism, odd runs."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.results.run import FinishedRun
from reports.markdown import render_markdown
from reports.page import render, write_report
from reports.paper.method import method_sentences
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

SECTIONS = [
    "verdict",
    "leaderboard",
    "threat",
    "curves",
    "who-breaks",
    "certified",
    "labels-section",
    "noise",
    "confusion",
    "flows",
    "gallery",
    "corruptions",
    "calibration",
    "reliability",
    "costs",
    "method",
    "manifest",
]
VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Collects what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.charts: list[dict[str, str | None]] = []
        self.open_tags: list[str] = []
        self.balanced = True
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open_tags.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "section":
            self.sections.append(str(values.get("id")))
        if tag == "img":
            self.images.append(values)
        if tag == "svg":
            self.charts.append(values)
        self.links += [str(values[name]) for name in ("href", "src") if values.get(name)]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open_tags.pop()

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self.open_tags) and self.open_tags.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wishes = Wishes(models=(FOUR[0], FOUR[2]), examples=6, corruptions=("jpeg", "contrast"))
    return write_run(tmp_path_factory.mktemp("run"), wishes)


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    return write_report(run).read_text()


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_gallery_gives_way_to_a_page_that_is_too_large(
    run: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = len(text.encode()) - 5_000
    monkeypatch.setattr("reports.page.MOST_BYTES", most)
    page = render(FinishedRun(run))
    assert len(page.encode()) <= most
    assert "more examples are in gallery.npz" in page
    assert Page(page).sections == SECTIONS


def test_sections_are_in_reading_order(page: Page) -> None:
    assert page.sections == SECTIONS
    assert page.balanced and not page.open_tags


def test_ids_are_unique_and_inner_links_lead_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    inner = {link[1:] for link in page.links if link.startswith("#")}
    assert inner and inner <= set(page.ids)


def test_every_picture_has_an_alt_text(page: Page) -> None:
    # the gallery's faces, maps on every second of them, and the disputed faces
    assert len(page.images) == 3 * 6 + 2 * 3 + 6
    assert all(image["alt"] for image in page.images)
    assert len(page.charts) > 8
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in page.charts)


def test_the_page_loads_nothing(page: Page, text: str) -> None:
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(r"@import|https?://|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_faces_are_as_stored(page: Page, run: Path) -> None:
    from PIL import Image

    with np.load(run / "gallery.npz") as gallery:
        clean, attacked = gallery["clean"][0, ..., 0], gallery["attacked"][0, ..., 0]
    faces = [image for image in page.images if "row" not in str(image["alt"])]
    shown = [decode(str(image["src"]), Image) for image in faces[:3]]
    np.testing.assert_array_equal(shown[0], clean)
    np.testing.assert_array_equal(shown[1], np.rint(255 * attacked))
    expected = np.clip(0.5 + 10 * (attacked - clean / 255), 0, 1)
    np.testing.assert_allclose(shown[2] / 255, expected, atol=0.5 / 255 + 1e-6)


def test_same_run_same_bytes(run: Path, text: str, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    for name in ("index.html", "report.md"):
        (tmp_path / name).unlink()
    assert write_report(tmp_path).read_text() == text
    assert (tmp_path / "report.md").read_text() == (run / "report.md").read_text()
    assert not list(tmp_path.glob(".*"))


def test_the_verdict_says_what_the_results_say(run: Path, text: str) -> None:
    results = pd.read_parquet(run / "results.parquet")
    model = FOUR[0]
    rows = results[(results["model"] == model) & (results["label_set"] == "fer")]
    rows = rows[rows["subset"] == "all"]
    clean = rows[(rows["perturbation"] == "none") & (rows["metric"] == "accuracy")].iloc[0]
    worst = rows[
        (rows["perturbation"] == "worst_case")
        & (rows["metric"] == "robust_accuracy")
        & np.isclose(rows["eps"], 4 / 255)
    ].iloc[0]
    thin, nbsp, dash = "\u202f", "\u00a0", "\u2060\u2013\u2060"  # no line ends inside an interval
    sentence = (
        f"<code>{model}</code> classifies {100 * clean['value']:.0f}{thin}% of faces "
        f"correctly; {100 * worst['value']:.1f}{thin}% are still classified correctly at 4/255 "
        f"(95{thin}% interval "
        f"{100 * worst['ci_low']:.1f}{dash}{100 * worst['ci_high']:.1f}, n{nbsp}={nbsp}400)."
    )
    assert sentence in text


def test_tables_download_every_digit(page: Page, run: Path) -> None:
    uris = [link for link in page.links if link.startswith("data:text/csv")]
    frames = [pd.read_csv(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in uris]
    curve = next(frame for frame in frames if "robust_accuracy" in set(frame.get("metric", [])))
    results = pd.read_parquet(run / "results.parquet")
    assert set(curve["value"].round(9)) <= set(results["value"].round(9))


def test_flags_stay_visible(text: str) -> None:
    verdict = text[text.index('<section id="verdict">') : text.index('<section id="leaderboard">')]
    board = text[text.index('<section id="leaderboard">') : text.index('<section id="threat">')]
    box = text[text.index('<section id="reliability">') : text.index('<section id="costs">')]
    assert all("⚑ flagged" in part for part in (verdict, board, box))
    assert "6 of 7</strong> checks passed" in box  # three a model, and the flagged one
    assert "not converged" in verdict and "not converged" in box


def test_a_model_that_no_eps_breaks_sorts_by_what_scripts_read_as_infinite(text: str) -> None:
    assert re.findall(r'data-sort="([^"]*)">&gt;4/255', text) == ["Infinity"]


def test_words_stay_honest(text: str) -> None:
    lead = text[: text.index("<main")]
    assert "labels an expression" in lead
    assert not re.search(r"detects? (your |the )?emotion", text, flags=re.I)
    assert "Generated faces" not in text


ODD_RUNS = {
    "one model, one label set, bare": (
        Wishes(
            models=FOUR[:1],
            label_sets=("fer",),
            corruptions=(),
            examples=0,
            flagged=False,
            certified=False,
        ),
        [
            "Not part of this run.</span>",
            "one label set only",
            "No corruptions were run",
            "has no example faces",
        ],
    ),
    "a failed attack": (
        Wishes(models=FOUR[:2], label_sets=("fer",), broken_model=FOUR[0], examples=1),
        ["nothing is known about its robustness", "loss is NaN", "; 2 attacks failed.</p>"],
    ),
    "only a failed attack": (
        Wishes(models=FOUR[:1], label_sets=("fer",), broken_model=FOUR[0], examples=0),
        ["nothing is known about its robustness", "✕ error"],
    ),
    "generated faces": (
        Wishes(models=FOUR[:1], label_sets=("fer",), generated=True, examples=0, corruptions=()),
        ["<strong>Generated faces.</strong>"],
    ),
    "ten foreign classes": (
        Wishes(models=("looks.ten", FOUR[0]), label_sets=("fer",), examples=2, corruptions=()),
        ["look_9", "looks.ten"],
    ),
    "L2 attacks": (
        Wishes(models=FOUR[:1], label_sets=("fer",), examples=1, corruptions=(), norm="l2"),
        [
            "are still classified correctly at L2 0.0157 (95",
            "labels: at L2 0.0157, ",
            "when the image may change by up to eps (L2)",
        ],
    ),
}


@pytest.mark.parametrize("name", ODD_RUNS)
def test_odd_runs_render(name: str, tmp_path: Path) -> None:
    wishes, phrases = ODD_RUNS[name]
    text = write_report(write_run(tmp_path, wishes)).read_text()
    page = Page(text)
    assert page.sections == SECTIONS and page.balanced
    for phrase in phrases:
        assert phrase in text
    for literal in (">nan", "nan%", ">None<", ">NaN<", "inf%"):
        assert literal not in text


def test_an_error_row_is_never_a_figure(tmp_path: Path) -> None:
    wishes = Wishes(models=FOUR[:2], label_sets=("fer",), examples=0, corruptions=())
    run = FinishedRun(write_run(tmp_path, wishes))
    wrong = (run.results["model"] == FOUR[1]) & (run.results["metric"] == "robust_accuracy")
    wrong &= run.results["perturbation"].isin(["worst_case", "pgd"])
    columns = ["value", "ci_low", "ci_high"]
    errors = run.results.copy()
    errors.loc[wrong, columns] = (0.9731, 0.9724, 0.9738)  # above clean accuracy
    errors.loc[wrong, "status"] = "error"
    broken = replace(run, results=errors)
    for text in (render(broken), render_markdown(broken)):
        assert "more faces robust than were classified correctly" in text
        assert "nothing is known about its robustness" in text or "\u2715" in text
        assert "97.3\u202f%" not in text and "97.2\u2013" not in text
    assert "97.3\u202f%" in render(replace(run, results=errors.assign(status="ok")))


def test_generated_faces_are_the_first_thing_said(tmp_path: Path) -> None:
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), generated=True, examples=0)
    text = write_report(write_run(tmp_path, wishes)).read_text()
    assert 0 < text.index("Generated faces.") < text.index("<h1>")
    method = " ".join(method_sentences(FinishedRun(tmp_path), None, lambda *_: ""))
    for page in (text, (tmp_path / "report.md").read_text(), method):
        assert "of generated sample" not in page and "on generated sample" not in page
    assert "400 faces of the generated sample, PublicTest" in text  # below the title
    assert "400 faces of the generated sample (PublicTest)" in text  # the threat model
    assert "400 faces of the generated sample (PublicTest" in method


@pytest.mark.slow
def test_sixteen_models_stay_below_15_mb(tmp_path: Path) -> None:
    nets = ("a_net", "b_net", "c_net", "d_net", "e_net", "f_net", "g_net", "h_net")
    models = tuple(f"{net}.{labels}" for net in nets for labels in ("fer", "ferplus"))
    path = write_report(write_run(tmp_path, Wishes(models=models, examples=64)))
    assert path.stat().st_size < 15e6
    assert all(f"<code>{model}</code>" in path.read_text() for model in models)


def test_names_from_outside_are_escaped(tmp_path: Path) -> None:
    wishes = Wishes(models=("<b>x</b>.fer",), label_sets=("fer",), examples=1, corruptions=())
    text = write_report(write_run(tmp_path, wishes)).read_text()
    assert "<b>x</b>" not in text and "&lt;b&gt;x&lt;/b&gt;.fer" in text


def test_the_command_needs_no_tensorflow_and_writes_the_same_bytes(run: Path, text: str) -> None:
    code = (
        "import sys; from pathlib import Path; import reports.page as b; "
        f"b.write_report(Path({str(run)!r})); "
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12"}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment)
    assert done.returncode == 0
    assert (run / "index.html").read_text() == text


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="manifest"):
        write_report(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "reports.build", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["gallery.npz", "disputed.npz", "results.parquet"])
@pytest.mark.parametrize("left", [0, 0.5])
def test_a_damaged_file_is_named(run: Path, tmp_path: Path, name: str, left: float) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(left * len(data))])
    (folder / "index.html").write_text("drawn before")
    with pytest.raises(InputError, match=f"{name}: expected an intact .* file, found"):
        write_report(folder)
    assert (folder / "index.html").read_text() == "drawn before"


def decode(uri: str, image: object) -> np.ndarray:
    data = base64.b64decode(uri.partition(",")[2])
    return np.asarray(image.open(io.BytesIO(data)))  # type: ignore[attr-defined]
