"""Clean figures by hand, the table as csv, figures into cards, and what is refused."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelScheme
from evaluation import image_time
from evaluation.cards import main
from evaluation.figures.models import FIGURE_COLUMNS, model_figures
from evaluation.image_time import milliseconds_per_image
from evaluation.statistics.intervals import proportion
from fer_models import cards, zoo
from fer_models.cards import read_card, write_card
from fer_models.classifier import Classifier
from tests.datasets.factory import FER, SPLITS, write_source
from tests.fer_models.untrained import write_untrained


class Fixed(Classifier):
    """Answers the class that stands in the first pixel, 0 to 255."""

    def __init__(self, scheme: LabelScheme = FER7) -> None:
        self.id, self.scheme, self.weights_sha256 = "fixed", scheme, ""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        answers = np.rint(255 * images[:, 0, 0, 0]).astype(int)
        return np.eye(self.scheme.num_classes, dtype=np.float32)[answers]


def faces(answers: list[int], labels: list[int], leaked: list[int] | None = None) -> FaceSet:
    """Faces that `Fixed` answers so."""
    count = len(answers)
    # noise: no two are near duplicates
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    images[:, 0, 0, 0] = answers
    flags = None if leaked is None else np.isin(np.arange(count), leaked)
    votes = np.zeros((count, 10), np.uint8)
    votes[:, 1] = 10  # happiness
    votes[0] = 1  # no majority: no label
    return FaceSet(
        "toy", Split.PUBLIC_TEST, images, np.arange(count), np.array(labels), votes, flags
    )


def test_figures_by_hand() -> None:
    # Six of ten right; Wilson, z = 1.96: centre (6 + 1.92) / (10 + 3.84) = 0.572, half width
    # 1.96 / 13.84 * sqrt(6 * 4 / 10 + 0.96) = 0.260: but fewer than 5 wrong, so the exact
    # interval of Clopper and Pearson, 0.262 to 0.878, is used.
    # F1: class 0: 2 * 4 / (5 + 5) = 0.8, class 1: 2 * 2 / (5 + 4) = 4 / 9; class 2: no images.
    answers, labels = [0, 0, 0, 0, 2, 1, 1, 0, 0, 0], [0] * 5 + [1] * 5
    every, clean = model_figures("m", Fixed(), faces(answers, labels, leaked=[0, 1]))
    assert every[:4] == ("m", "fer", "all", 10)
    assert every.accuracy == pytest.approx(0.6)
    assert (every.ci_low, every.ci_high) == pytest.approx((0.262, 0.878), abs=1e-3)
    # class 0: 5 labelled, 7 answered, 4 right; class 1: 5 labelled, 2 answered, 2 right
    assert every.macro_f1 == pytest.approx((8 / 12 + 4 / 7) / 2)
    assert clean[2:4] == ("without_leaks", 8)
    assert clean.accuracy == pytest.approx(4 / 8)


def test_the_interval_of_many_is_wilsons() -> None:
    answers, labels = [0] * 60 + [1] * 40, [0] * 100
    (row,) = model_figures("m", Fixed(), faces(answers, labels))
    # centre (60 + 1.9207) / 103.8415 = 0.5963, half 1.96 / 103.84 * sqrt(24 + 0.9604) = 0.0943
    assert (row.ci_low, row.ci_high) == pytest.approx((0.5020, 0.6906), abs=2e-4)


def test_equal_faces_count_once_in_the_interval() -> None:
    answers, labels = [0] * 30 + [1] * 20, [0] * 50
    once = faces(answers, labels)
    twice = faces(answers * 2, labels * 2)
    twice.images[50:] = once.images
    (alone,), (both,) = (model_figures("m", Fixed(), each) for each in (once, twice))
    assert (alone.n, both.n) == (50, 100)
    assert both[4:7] == pytest.approx(alone[4:7])


def test_faces_without_a_majority_are_left_out() -> None:
    every, _ = model_figures("m", Fixed(FERPLUS8), faces([1, 1, 0], [0, 0, 0], leaked=[]))
    assert (every.label_set, every.n, every.accuracy) == ("ferplus", 2, 0.5)


def test_other_classes_are_refused() -> None:
    with pytest.raises(InputError, match="must be emotions of fer or ferplus"):
        model_figures("m", Fixed(LabelScheme("two", ("a", "b"))), faces([0], [0]))


def test_missing_labels_are_refused() -> None:
    known = faces([0], [0])
    only_fer = FaceSet(known.name, known.split, known.images, known.row_ids, known.fer)
    with pytest.raises(InputError, match="m: predicts ferplus labels, but toy has none"):
        model_figures("m", Fixed(FERPLUS8), only_fer)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("data"))


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships an untrained mini_xception.fer, and a damaged one; its cards' folder."""
    folder = tmp_path / "package"
    folder.mkdir()
    write_untrained(folder)
    card = read_card(folder / "card.json")
    (folder / "weights.npz").rename(folder / "mini_xception.fer.npz")
    (folder / "card.json").unlink()
    write_card(card, folder / "mini_xception.fer.json")
    write_card(card.model_copy(update={"id": "cut.fer"}), folder / "cut.fer.json")
    for module in (cards, zoo):
        monkeypatch.setattr(module, "CARDS", folder)
        monkeypatch.setattr(module, "WEIGHTS", folder)
    return folder


def test_one_that_fails_leaves_the_others(
    tmp_path: Path,
    data: Path,
    shipped: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(image_time, "milliseconds_per_image", lambda _: 1.5)
    out = tmp_path / "table.csv"
    assert main(data, everything=True, out=out, write=True) == 1
    assert "cut.fer failed: " in capsys.readouterr().err
    table = pd.read_csv(out)
    assert list(table.columns) == list(FIGURE_COLUMNS)
    assert table.model.tolist() == ["mini_xception.fer"] * 2
    assert table.multiply_adds.tolist() == [5_520_448] * 2
    assert table.n.tolist() == [9, 8]  # 9 PublicTest faces, one of them also in Training
    measured = read_card(shipped / "mini_xception.fer.json").measured
    assert measured is not None
    assert measured.all.accuracy == pytest.approx(table.accuracy[0])
    assert measured.without_leaks.n == 8
    assert (measured.multiply_adds, measured.milliseconds) == (5_520_448, 1.5)
    assert measured.file_bytes == (shipped / "mini_xception.fer.npz").stat().st_size
    assert read_card(shipped / "cut.fer.json").measured is None


def test_any_crash_is_one_line(
    tmp_path: Path,
    data: Path,
    shipped: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def crash(model: str) -> Classifier:
        raise RuntimeError("no memory")

    monkeypatch.setattr(zoo, "load", crash)
    (tmp_path / "older.csv").write_text("measured last week")
    assert main(data, models="mini_xception.fer", out=tmp_path / "older.csv") == 1
    assert (tmp_path / "older.csv").read_text() == "measured last week"
    assert "mini_xception.fer failed: RuntimeError: no memory" in capsys.readouterr().err


def test_a_full_disk_ends_the_command(
    data: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(model: str) -> Classifier:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zoo, "load", full)
    with pytest.raises(OSError, match="No space left"):
        main(data, models="mini_xception.fer,cut.fer")


def test_accuracy_of_a_split(
    data: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Always(Fixed):
        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.eye(7, dtype=np.float32)[3], (len(images), 1))

    loading: Callable[[str], Classifier] = lambda _: Always()  # noqa: E731
    monkeypatch.setattr(zoo, "load", loading)
    monkeypatch.setenv("DEADPAN_DATA", str(data))
    assert main(models="mini_xception.fer", split="Training") == 0
    line = capsys.readouterr().out.splitlines()[1]
    right = 100 * (FER[SPLITS == "Training"] == 3).mean()
    assert f"all 42  {right:8.2f}".replace(" ", "") in line.replace(" ", "")
    assert main(Path("sample"), models="mini_xception.fer") == 0
    printed = capsys.readouterr()
    assert "mini_xception.fer: 1 of 1, on generated sample, Sample" in printed.err
    assert printed.out.splitlines()[1].split()[3] == "700"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either --all or --models"),
        ({"everything": True, "models": "a"}, "either --all or --models"),
        ({"models": "mini_xception.fer", "write": True, "split": "PrivateTest"}, "PublicTest only"),
        ({"models": "FOLDER", "write": True}, "has no card in the package"),
        ({"models": "mini_xception.fer", "split": "Public"}, "--split must be"),
        (
            {"models": "mini_xception.fer", "out": Path("no/such/file.csv")},
            "existing folder; got no/such/file.csv",
        ),
        ({"models": "mini_xception.fer", "out": Path("table.txt")}, "--out must end in .csv"),
    ],
)
def test_wrong_usage(
    tmp_path: Path, data: Path, shipped: Path, options: dict, message: str
) -> None:
    if options.get("models") == "FOLDER":
        options["models"] = str(write_untrained(tmp_path))
    with pytest.raises(InputError, match=message):
        main(data, **options)


@pytest.mark.slow
def test_time_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    assert 0.01 < milliseconds_per_image(str(write_untrained(tmp_path))) < 1000


@pytest.mark.parametrize("subset", ["all", "without_leaks"])
@pytest.mark.parametrize("labels", ["fer", "ferplus"])
def test_intervals_of_all_cards_count_near_duplicates_alike(labels: str, subset: str) -> None:
    """One rule of near duplicates gives the faces of a label set one effective number."""
    sizes = []
    for path in sorted(cards.CARDS.glob(f"*.{labels}.json")):
        measured = read_card(path).measured
        assert measured
        found = getattr(measured, subset)
        correct = round(found.accuracy * found.n)

        def gap(size: float, *, count: int = correct, n: int = found.n, low=found.ci_low) -> float:
            return proportion(count, n, effective=size).low - low

        sizes.append(brentq(gap, 100, found.n))
    assert max(sizes) - min(sizes) < 0.01
