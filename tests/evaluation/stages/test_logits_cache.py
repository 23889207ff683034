"""Logits kept on disk: asked once, and never those of another set or model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.registry import corruption_spec
from attacks.sets.contents import CorruptedSet
from attacks.sets.sweep import SetPlan
from attacks.sets.task import CleanFaces
from datasets.labels import FERPLUS8
from evaluation.stages.logits_cache import LogitsCache
from fer_models.keras_classifier import KerasClassifier
from tests.evaluation import tiny


def corrupted(folder: Path, name: str = "brightness") -> CorruptedSet:
    faces = tiny.faces(6)
    spec = corruption_spec(name, (1, 5))
    made = SetPlan.corrupted(CleanFaces.of(faces), spec, folder / name).make(None, None)
    assert isinstance(made, CorruptedSet)
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each question about a whole set."""
    counts: list[int] = []
    answer = KerasClassifier.logits

    def listen(self: KerasClassifier, images: np.ndarray) -> np.ndarray:
        if len(images) == 12:  # six faces at two severities
            counts.append(len(images))
        return answer(self, images)

    monkeypatch.setattr(KerasClassifier, "logits", listen)
    return counts


def test_a_model_is_asked_once(tmp_path: Path, asked: list[int]) -> None:
    made, model = corrupted(tmp_path), tiny.classifier()
    first = LogitsCache(tmp_path / "answers").logits(model, made)
    again = LogitsCache(tmp_path / "answers").logits(model, made)
    assert asked == [12] and first.shape == (6, 2, 7) and first.dtype == np.float32
    assert again.tobytes() == first.tobytes()
    np.testing.assert_allclose(first[:, 1], model.logits(made.images[:][:, 1]), atol=1e-6)


def test_another_set_or_model_is_asked_itself(tmp_path: Path, asked: list[int]) -> None:
    answers = LogitsCache(tmp_path / "answers")
    bright, dark = corrupted(tmp_path), corrupted(tmp_path, "low_light")
    model, other = tiny.classifier(), tiny.classifier(FERPLUS8, "tiny.ferplus", seed=1)
    found = [answers.logits(one, made) for one in (model, other) for made in (bright, dark)]
    assert asked == [12] * 4 and len({logits.tobytes() for logits in found}) == 4


def test_models_that_share_weights_are_asked_themselves(tmp_path: Path, asked: list[int]) -> None:
    """Two functions of one module, say, whose file is all that their hash sees."""
    answers, made = LogitsCache(tmp_path / "answers"), corrupted(tmp_path)
    model, other = tiny.classifier(), tiny.classifier(seed=1, model_id="other.fer")
    other.weights_sha256 = model.weights_sha256
    assert not np.allclose(answers.logits(model, made), answers.logits(other, made))
    assert asked == [12] * 2


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_a_damaged_file_is_written_again(tmp_path: Path, asked: list[int], damage: str) -> None:
    answers, made, model = LogitsCache(tmp_path / "answers"), corrupted(tmp_path), tiny.classifier()
    first = answers.logits(model, made)
    (path,) = (tmp_path / "answers").iterdir()
    whole = path.read_bytes()
    left: dict[str, Any] = {"cut": whole[:-9], "empty": b"", "text": b"not an array"}
    middle = whole.index(b"NUMPY") + 160  # among the logits
    left["flipped"] = bytes([*whole[:middle], whole[middle] ^ 1, *whole[middle + 1 :]])
    path.write_bytes(left[damage])
    assert answers.logits(model, made).tobytes() == first.tobytes()
    assert asked == [12, 12] and path.read_bytes() == whole
