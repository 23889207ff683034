"""Claims about adversarial images: true ones hold, each kind of false one does not."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from attacks.base import Keys
from attacks.fgsm import FGSM
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.labels import LabelScheme
from evaluation import verify as command
from evaluation.comparing.verification import Verification, verify_images
from fer_models.classifier import Classifier
from tests.evaluation import tiny

EPS = 0.1


@pytest.fixture(scope="module")
def claim() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean and broken images with their labels."""
    classifier = tiny.classifier()
    clean = np.random.default_rng(1).random((30, 8, 8, 1), np.float32)
    labels = classifier.predict(clean)
    result = FGSM(norm=Norm.LINF, eps=EPS)(classifier, clean, labels, Keys(0, np.arange(30)))
    assert result.success.sum() > 10
    return clean[result.success], result.images[result.success], labels[result.success]


def verify(clean: np.ndarray, attacked: np.ndarray, labels: np.ndarray) -> Verification:
    eps = np.full(len(labels), EPS)
    return verify_images(tiny.classifier(), clean, attacked, labels, Norm.LINF, eps)


def test_a_true_claim_holds(claim) -> None:
    found = verify(*claim)
    assert found.holds and found.verdict == "the claim holds"
    empty = verify(*(part[:0] for part in claim))
    assert empty.verdict.startswith("nothing was checked") and not empty.holds
    assert found.confirmed == found.claimed == found.in_range == found.in_budget
    assert found.largest == pytest.approx(1, abs=1e-4)
    assert found.confirmed_8bit <= found.confirmed


class Brighter(Classifier):
    """Class 1 for images brighter than a half, else class 0."""

    id, scheme, weights_sha256 = "brighter", LabelScheme("two", ("dark", "bright")), "0"

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        lead = 255 * images.mean(axis=(1, 2, 3)) - 128.3
        return np.stack([-lead, lead], axis=1).astype(np.float32)


@pytest.mark.parametrize(("eps", "at_8_bits"), [(0.6, 0), (1.0, 1)])
def test_an_8bit_copy_counts_within_the_budget_only(eps: float, at_8_bits: int) -> None:
    clean = np.full((1, 4, 4, 1), 128 / 255, np.float32)
    attacked = clean + np.float32(0.6 / 255)  # the nearest whole step is 1/255 away
    label, budget = np.zeros(1, np.int64), np.array([eps / 255])
    found = verify_images(Brighter(), clean, attacked, label, Norm.LINF, budget * (1 + 1e-5))
    assert (found.confirmed, found.confirmed_8bit) == (1, at_8_bits)


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_of_others_is_within_the_budget_and_no_more(norm: Norm, dtype: type) -> None:
    """`clean + eps * sign` in float32, or in float64 and rounded, as other libraries do it."""
    rng = np.random.default_rng(0)
    clean = (rng.integers(10, 246, (50, 8, 8, 1)) / 255).astype(np.float32)
    change = np.sign(rng.standard_normal(clean.shape))
    size = {Norm.LINF: 1.0, Norm.L2: 8.0, Norm.L1: 64.0}[norm] / 255
    attacked = (clean.astype(dtype) + dtype(1 / 255) * change.astype(dtype)).astype(np.float32)
    model = tiny.classifier()
    right = model.predict(clean)
    eps = np.full(50, size)
    found = verify_images(model, clean, attacked, right, norm, eps)
    assert found.in_budget == found.in_range == 50
    assert np.nanmax(found.sizes, initial=0.0) <= size
    assert verify_images(model, clean, attacked, right, norm, eps * (1 - 1e-3)).in_budget == 0


def test_an_image_out_of_budget_does_not_count(claim) -> None:
    clean, attacked, labels = claim
    moved = attacked.copy()
    moved[0] = np.where(clean[0] > 0.5, clean[0] - 0.3, clean[0] + 0.3)
    found = verify(clean, moved, labels)
    assert not found.holds
    assert found.in_budget == found.claimed - 1
    assert found.largest == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize("pixel", [1.05, -0.05, np.nan, np.inf])
def test_a_pixel_out_of_range_does_not_count(claim, pixel: float) -> None:
    clean, attacked, labels = claim
    moved = attacked.copy()
    moved[0, 0, 0, 0] = pixel
    found = verify(clean, moved, labels)
    assert not found.holds
    assert found.in_range == found.claimed - 1


def test_clean_images_fool_nobody(claim) -> None:
    clean, _, labels = claim
    assert verify(clean, clean, labels).confirmed == 0


def test_an_image_wrong_before_does_not_count(claim) -> None:
    clean, attacked, labels = claim
    found = verify(clean, attacked, (labels + 1) % 7)
    assert found.right_before == found.confirmed == 0


def test_other_shapes_and_classes_are_refused(claim) -> None:
    clean, attacked, labels = claim
    with pytest.raises(InputError, match="the same shape"):
        verify(clean[:3], attacked, labels)
    with pytest.raises(InputError, match=r"labels must be in \[0, 7\)"):
        verify(clean, attacked, labels + 5)


def npz(path: Path, **changes: np.ndarray) -> Path:
    grey = np.full((5, 8, 8, 1), 0.5, np.float32)
    arrays: dict[str, Any] = {"clean": grey, "adversarial": grey, "labels": np.zeros(5, np.int64)}
    np.savez_compressed(path, **arrays | changes)
    return path


@pytest.mark.parametrize(
    "shape", [(5, 8, 8, 4), (5, 8, 8, 2), (5, 0, 8, 1), (0, 8, 8, 1), (5, 8, 8)]
)
def test_arrays_of_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = npz(tmp_path / "a.npz", clean=np.zeros(shape), adversarial=np.zeros(shape))
    with pytest.raises(
        InputError, match=r"a\.npz: clean must be float \(N, H, W, C\).*found float"
    ):
        command._from_npz(path, "linf", "8/255")


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    whole = npz(tmp_path / "whole.npz").read_bytes()
    assert len(command._from_npz(tmp_path / "whole.npz", "linf", "8/255").labels) == 5
    np.save(tmp_path / "one.npy", np.zeros(3))
    packed = whole.index(b"clean.npy") + 30
    (tmp_path / "hole.npz").write_bytes(whole[:packed] + b"\xff" * 9 + whole[packed + 9 :])
    (tmp_path / "cut.npz").write_bytes(whole[:-50])
    (tmp_path / "empty.npz").touch()
    for name in ("one.npy", "hole.npz", "cut.npz", "empty.npz", "none.npz"):
        with pytest.raises(InputError, match=f"{name}: expected an intact .npz of arrays, found"):
            command._from_npz(tmp_path / name, "linf", "8/255")


def test_files_that_are_no_arrays_are_missing(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "raw.npz", "w") as archive:
        for name in ("clean", "adversarial", "labels"):
            archive.writestr(name, b"hello")
    with pytest.raises(InputError, match=r"raw\.npz: expected arrays clean.* found none"):
        command._from_npz(tmp_path / "raw.npz", "linf", "8/255")


@pytest.mark.parametrize("eps", [None, "", "0", "0/255"])
def test_a_budget_must_be_given(tmp_path: Path, eps: str | None) -> None:
    with pytest.raises(InputError, match="give the claimed budget with --eps"):
        command._from_npz(npz(tmp_path / "a.npz"), "linf", eps)


@pytest.mark.parametrize("given", [{"eps": "0.5/255"}, {"norm": "l2"}])
def test_a_set_is_judged_by_its_own_norm_and_eps(tmp_path: Path, given: dict[str, Any]) -> None:
    request = command.VerifyRequest(set_path=tmp_path, model="tiny.fer", **given)
    with pytest.raises(InputError, match="a set holds its own norm and eps; --norm"):
        command._from_folder(tmp_path, request)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (
            "labels",
            lambda labels: (labels + 1) % 7,
            r"row 1\d\d is called \w+, in the data it is \w+",
        ),
        (
            "labels",
            lambda labels: labels + 100,
            r"row 1\d\d is called 1\d\d, in the data it is \w+",
        ),
        ("image_rows", lambda rows: rows + 1000, "damaged.*image_rows"),
        ("image_rows", lambda rows: rows * 0, "damaged.*image_rows"),
    ],
)
def test_a_set_that_was_changed_is_refused(
    name: str,
    values: Any,
    words: str,
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(folder: Path) -> command.Claim:
        request = command.VerifyRequest(set_path=folder, model="tiny.fer")
        claim = command._from_folder(folder, request)
        command._check_labels(folder, claim, tiny.classifier())
        return claim

    monkeypatch.setattr(command, "_faces", lambda _: tiny.faces())
    (made,) = run_folder.glob("sets/tiny.fer-fer-pgd*")
    assert len(read(made).labels) > 1
    folder = Path(shutil.copytree(made, tmp_path / "set"))
    with np.load(folder / "chunk-00000.npz") as chunk:
        arrays = dict(chunk)
    np.savez(folder / "chunk-00000.npz", **arrays | {name: values(arrays[name])})
    with pytest.raises(InputError, match=words):
        read(folder)


def test_data_that_are_not_read_are_refused(tmp_path: Path) -> None:
    claim = tmp_path / "claim.npz"
    options: list[dict[str, Any]] = [{"data": "faces"}, {"split": "Test"}, {"ignore_classes": "x"}]
    for given in options:
        name = next(iter(given)).replace("_", "-")
        request = command.VerifyRequest(set_path=claim, model="tiny.fer", **given)
        with pytest.raises(InputError, match=f"for --into RUN alone; got --{name}. Leave it out"):
            command.main(request)
        command._check_used(replace(request, into=tmp_path))
        command._check_used(replace(request, set_path=tmp_path))
    command._check_used(command.VerifyRequest(set_path=claim, model="tiny.fer", eps="8/255"))


@pytest.mark.parametrize("place", ["", "sets"])
def test_a_folder_of_sets_is_told_to_name_one(run_folder: Path, place: str) -> None:
    request = command.VerifyRequest(set_path=run_folder / place, model="tiny.fer")
    words = r"expected one set, found a folder of \d+ sets\. Name one, such as .*/sets/[\w.-]+\.$"
    with pytest.raises(InputError, match=words):
        command._from_folder(run_folder / place, request)


def test_images_are_added_to_a_run_by_one_command_at_a_time(
    run_folder: Path, tmp_path: Path, claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean, attacked, labels = claim
    rows = np.arange(len(labels))
    given = command.Claim(clean, attacked, labels, Norm.LINF, np.full(len(rows), EPS), rows)
    monkeypatch.setattr("evaluation.stages.fingerprints.check_measured", lambda *_: None)
    (made,) = run_folder.glob("sets/tiny.fer-fer-pgd*")
    run = tmp_path / "run"
    with locked(run), pytest.raises(InputError, match="another command is writing there"):
        command._count(run, made, tiny.classifier(), given._replace(pixels=rows), verify(*claim))
    assert not (run / "outside").exists()


def test_every_set_and_model_has_a_file_of_its_own_in_a_run(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alice", "bob"):
        (tmp_path / name).mkdir()
    names = [
        command._outside_name(path, model)
        for model in tiny.models()
        for path in (
            npz(tmp_path / "alice" / "claim.npz"),
            npz(tmp_path / "bob" / "claim.npz", labels=np.ones(5, np.int64)),
            npz(tmp_path / ".claim.npz", labels=np.full(5, 2)),
            *run_folder.glob("sets/tiny.fer-fer-*"),
        )
    ]
    assert len(set(names)) == len(names) > 8
    assert not any(name.startswith(".") for name in names)  # what a killed command left
    monkeypatch.chdir(tmp_path / "alice")
    assert command._outside_name(Path("claim.npz"), tiny.models()[0]) == names[0], "the same set"
