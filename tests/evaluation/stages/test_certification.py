"""Certified radii: the published formula by hand, the planted linear model, resuming, figures."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from attacks.base import Keys
from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, LabelSet
from evaluation.config import Certification, RunConfig, smoothing_name
from evaluation.configure import configure
from evaluation.figures.certification import STEPS, certification_figures
from evaluation.figures.figure_rows import Figures
from evaluation.figures.score_run import rescore
from evaluation.request import RunRequest
from evaluation.results.run import FinishedRun
from evaluation.stages import certificates
from evaluation.stages.certificates import Made, make_certificates
from evaluation.stages.certification import Certificates, certified_radius, certify
from evaluation.stages.per_image import certified_rows, clean_rows
from evaluation.tiers import Tier
from fer_models.classifier import Classifier
from tests.evaluation import tiny

SIGMA, ALPHA = 0.1, 0.001


def test_radius_is_sigma_times_the_quantile_of_the_lower_bound() -> None:
    # all of n right: the bound is alpha^(1/n), so sigma times the quantile of .993116, 2.4633
    radius = certified_radius(np.array([1000, 900, 500, 0]), 1000, sigma=SIGMA, alpha=ALPHA)
    assert radius[0] == pytest.approx(SIGMA * norm.ppf(0.001 ** (1 / 1000)))
    assert radius[0] == pytest.approx(0.24633, abs=5e-6)
    low = binomtest(900, 1000).proportion_ci(1 - 2 * ALPHA, method="exact").low
    assert radius[1] == pytest.approx(SIGMA * norm.ppf(low))
    assert np.isnan(radius[2:]).all()  # half of the answers or none: abstain


@pytest.mark.parametrize("count", [-1, 11])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=r"must be in \[0, 10\]"):
        certified_radius(np.array([count]), 10, sigma=SIGMA, alpha=ALPHA)


class Brighter(Classifier):
    """Class 0 where the mean pixel is above one half, else class 1."""

    id, scheme, weights_sha256 = "brighter", FER7, "1" * 64

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        above = images.mean(axis=(1, 2, 3)) - 0.5
        logits = np.full((len(images), 7), -9.0, np.float32)
        logits[:, 0], logits[:, 1] = above, -above
        return logits


def test_no_certificate_reaches_beyond_the_border_of_a_linear_model() -> None:
    size = 8
    means = np.array([0.47, 0.5, 0.505, 0.53], np.float32)
    images = np.broadcast_to(means[:, None, None, None], (4, size, size, 1)).copy()
    found = certify(
        Brighter(),
        images,
        Keys(0, np.arange(4)),
        sigma=SIGMA,
        selection=50,
        samples=2000,
        alpha=ALPHA,
    )
    # moving the mean of 64 pixels by m takes an L2 length of m * 8; smoothing a linear border
    # leaves it where it is, and 2000 answers certify most of the way
    border = np.abs(means - 0.5) * size
    assert (found.radius <= border + 1e-9).all()
    assert found.prediction.tolist()[0] == 1 and found.prediction.tolist()[3] == 0
    assert found.radius[0] > 0.7 * border[0] and found.radius[3] > 0.7 * border[3]
    assert found.prediction[1] == -1 and found.radius[1] == 0  # on the border: abstains
    np.testing.assert_array_equal(found.counts.sum(axis=1), 2000)


def test_draws_hang_on_the_row_alone() -> None:
    images = tiny.faces(6).images.astype(np.float32) / 255
    settings: dict[str, Any] = {"sigma": 0.3, "selection": 8, "samples": 300, "alpha": 0.05}
    keys = Keys(3, np.arange(6))
    together = certify(tiny.classifier(), images, keys, **settings)
    for row in (5, 2):
        alone = certify(tiny.classifier(), images[[row]], keys.take(np.array([row])), **settings)
        np.testing.assert_array_equal(alone.counts[0], together.counts[row])


SETTINGS = Certification(sigmas=(0.05,), selection=8, samples=60, alpha=0.05)


def make(
    folder: Path,
    model: Classifier | None = None,
    count: int = 110,
    on_damage: Callable[[str], object] = lambda _: None,
) -> Made:
    faces = tiny.faces(count)
    model = model or tiny.classifier()
    return make_certificates(model, faces, SETTINGS, 0.05, 0, folder, lambda *_: None, on_damage)


def test_certificates_go_on_after_a_kill(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert (first.chunks, first.reused_chunks) == (2, 0)
    (chunk,) = tmp_path.glob("*/chunk-00001.npz")
    chunk.unlink()
    again = make(tmp_path)
    assert again.reused_chunks == 1
    for one, two in zip(first.certificates, again.certificates):
        np.testing.assert_array_equal(one, two)
    other = make(tmp_path, tiny.classifier(seed=5))
    assert other.reused_chunks == 0 and len(list(tmp_path.iterdir())) == 2
    told: list[str] = []
    chunk.write_bytes(chunk.read_bytes()[:-9])
    repaired = make(tmp_path, on_damage=told.append)
    assert repaired.reused_chunks == 1 and [f"{chunk}: damaged" in line for line in told] == [True]
    np.testing.assert_array_equal(repaired.certificates.radius, first.certificates.radius)


def test_figures_count_right_certified_and_abstained() -> None:
    faces, model = tiny.faces(8), tiny.classifier()
    logits = model.logits(faces.images.astype(np.float32) / 255)
    rows = certified_rows(faces, model, logits, make_8(faces), 0.4)
    frame = pd.concat([clean_rows(faces, model, logits), rows], ignore_index=True)
    figures = Figures("PublicTest", 0)
    certification_figures(figures, "tiny.fer", frame, FER7, LabelSet.FER)
    found = figures.frame()
    assert set(found.perturbation) == {smoothing_name(0.4)} and set(found.norm) == {"l2"}
    every = found[found.subset == "all"]
    abstains = every[every.metric == "abstention"].iloc[0]
    assert (abstains.value, abstains.n) == (2 / 8, 8)
    curve = every[every.metric == "certified_accuracy"].set_index("eps").value
    assert len(curve) == STEPS + 1
    # five right with radii .1 to .5 and one wrong with .9: at .3 three are left, at .6 none
    assert curve.loc[0] == 5 / 8 and curve.loc[0.4 * 3 / 4] == 3 / 8 and curve.loc[0.6:].max() == 0
    assert (curve.diff().dropna() <= 0).all()


def make_8(faces: FaceSet) -> Certificates:
    fer = faces.labels(LabelSet.FER).values
    prediction = fer.copy()
    prediction[5] = (fer[5] + 1) % 7
    prediction[6:] = -1
    radius = np.array([0.1, 0.2, 0.3 + 1e-9, 0.4, 0.5, 0.9, 0, 0])
    return Certificates(prediction, radius, np.zeros((8, 7), np.int64))


def test_a_run_without_certificates_has_no_such_figures() -> None:
    faces, model = tiny.faces(4), tiny.classifier()
    frame = clean_rows(faces, model, np.eye(4, 7, dtype=np.float32))
    figures = Figures("PublicTest", 0)
    certification_figures(figures, "tiny.fer", frame, FER7, LabelSet.FER)
    assert figures.frame().empty and isinstance(frame, pd.DataFrame)


def test_a_run_certifies_resumes_and_rescores_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.config(corruptions=(), eps=(0.1,), certification=SETTINGS)
    first = tiny.write_run(tmp_path / "run", run)
    before = (first / "results.csv").read_bytes()
    assert before.count(b"certified_accuracy") > 0
    rescore(FinishedRun(first))
    assert (first / "results.csv").read_bytes() == before
    shutil.copytree(first / "certificates", tmp_path / "again" / "certificates")
    next((tmp_path / "again").glob("certificates/*fer-*/chunk-00000.npz")).unlink()  # a kill
    assert (tiny.write_run(tmp_path / "again", run) / "results.csv").read_bytes() == before

    def die(*_: object, **__: object) -> None:
        raise RuntimeError("too loud")

    monkeypatch.setattr(certificates, "certify", die)
    lost = FinishedRun(tiny.write_run(tmp_path / "lost", run))
    rows = lost.results[lost.results.status == "error"]
    assert set(rows.metric) == {"certified_accuracy"} and len(rows) == 2
    assert rows.value.isna().all() and set(rows.detail) == {"RuntimeError: too loud"}
    assert (lost.results.status != "flagged").all()


def asked(**options: Any) -> RunConfig:
    """The configuration of a run of one model with these options."""
    return configure(RunRequest("simple_cnn.fer", **options), Split.PUBLIC_TEST, ["fer"])


@pytest.mark.parametrize("words", ["loud", "0", "0.1,2", "", "0.1,0.1000001"])
def test_bad_sigmas_are_refused(words: str) -> None:
    with pytest.raises(InputError, match="--certify must be sigmas"):
        asked(certify=words)


def test_sigmas_with_one_name_are_refused_wherever_they_are_given() -> None:
    with pytest.raises(ValueError, match=r"0\.1 and 0\.1000001 are both called smooth0\.1; leave"):
        Certification(sigmas=(0.1000001, 0.25, 0.1))
    assert Certification(sigmas=(0.1, 0.100001, 0.1)).sigmas == (0.1, 0.100001)


def test_sigmas_of_the_user_take_the_other_settings_of_the_tier() -> None:
    full = asked(tier=Tier.FULL, certify="0.25,0.1").certification
    assert full is not None and (full.sigmas, full.samples) == ((0.1, 0.25), 10000)
    smoke = asked(certify="0.5").certification
    assert smoke is not None and (smoke.samples, smoke.alpha) == (1000, 0.001)
    assert asked().certification is None
