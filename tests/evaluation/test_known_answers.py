"""An image that comes again is not classified again, unless its answer may be another one."""

from pathlib import Path

import numpy as np
import pytest

from datasets.image_source import UnitImages
from datasets.labels import FER7
from evaluation import known_answers
from evaluation.known_answers import KnownAnswers
from evaluation.results.row_parts import RowParts
from evaluation.results.transfer_rows import TransferRows
from evaluation.stages.clean_answers import CleanAnswers
from evaluation.stages.failures import Failures
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.measurements import Measurements
from evaluation.stages.residence import Residence
from fer_models.classifier import Classifier
from tests.evaluation import tiny

IMAGES = np.random.default_rng(0).random((6, 8, 8, 1)).astype(np.float32)


class Counted(Classifier):
    """Answers by the pixels, plus noise if it is random, and keeps what it was asked."""

    def __init__(self, noise: float = 0.0) -> None:
        self.id, self.scheme, self.weights_sha256 = "counted", FER7, "none"
        self._noise, self._draw = noise, np.random.default_rng(1)
        self.asked: list[int] = []

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        self.asked.append(len(images))
        drawn = self._draw.standard_normal((len(images), 7))
        answers: np.ndarray = images.reshape(len(images), -1)[:, :7] + self._noise * drawn
        return answers.astype(np.float32)


def test_each_image_is_classified_once() -> None:
    model = Counted()
    known = KnownAnswers(model)
    order = [3, 1, 3, 0]
    np.testing.assert_array_equal(known.logits(IMAGES[order]), model.logits(IMAGES[order]))
    model.asked.clear()
    np.testing.assert_array_equal(known.logits(IMAGES), IMAGES.reshape(6, -1)[:, :7])
    assert model.asked == [3]  # 2, 4 and 5
    known.predict(IMAGES[::-1])
    assert model.asked == [3]
    assert known.logits(IMAGES[:0]).shape == (0, 7)


def test_one_other_bit_is_another_image() -> None:
    known = KnownAnswers(Counted())
    other = np.nextafter(IMAGES, np.float32(1))
    known.logits(IMAGES)
    assert (known.logits(other) != known.logits(IMAGES)).any(axis=1).all()


def test_images_are_read_in_blocks_and_the_oldest_answers_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known_answers, "MOST", 3)
    model, pixels = Counted(), np.arange(64 * 1100, dtype=np.uint32).reshape(1100, 8, 8, 1)
    images = UnitImages((pixels % 251).astype(np.uint8))
    known = KnownAnswers(model)
    np.testing.assert_array_equal(known.logits(images), model.logits(images))
    model.asked.clear()
    known.logits(images[248:251])  # 251 are different
    assert model.asked == []
    known.logits(images[:1])
    assert model.asked == [1]


@pytest.mark.parametrize(("noise", "kind"), [(0.0, KnownAnswers), (0.1, Counted)])
def test_a_random_model_answers_each_time(noise: float, kind: type, tmp_path: Path) -> None:
    model, faces = Counted(noise), tiny.faces()
    images = UnitImages(faces.images)
    clean = CleanAnswers([model], images, {model.id: model.logits(images)})
    cache, rows = LogitsCache(tmp_path / "answers"), RowParts(tmp_path)
    transfers, failures = TransferRows(tmp_path), Failures(tiny.SILENT)
    measured = Measurements(
        faces, clean, cache, failures, tiny.SILENT, rows, transfers, Residence(1)
    )
    assert measured._answering(model) is model  # not checked yet
    measured.check_models(tiny.config())
    answering = measured._answering(model)
    assert type(answering) is kind
    assert measured._answering(model) is answering
