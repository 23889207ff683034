"""The estimate before a probe, and its progress, on a clock that the model moves."""

import numpy as np
import pytest

from fer_models.foreign import probe_timing
from fer_models.foreign.probe_timing import TIMED, ProbeTiming
from fer_models.foreign.raw_model import RawModel


class SlowModel:
    """Takes seconds for a call and for each image; the first call of a size takes a minute."""

    def __init__(self, per_call: float, per_image: float) -> None:
        self.now, self.per_call, self.per_image = 100.0, per_call, per_image
        self.seen: set[int] = set()
        self.raw = RawModel("slow", self.call, (1, 1, 1), None, "0")

    def call(self, images: np.ndarray) -> np.ndarray:
        self.now += self.per_call + self.per_image * len(images)
        self.now += 0 if len(images) in self.seen else 60
        self.seen.add(len(images))
        return images[:, 0, 0]


@pytest.mark.parametrize(
    ("per_call", "per_image", "images", "seconds"),
    [
        (1.0, 0.0, 640, 10),  # ten batches of 64
        (1.0, 0.0, 641, 11),
        (0.0, 0.5, 640, 320),
        (2.0, 0.25, 128, 36),  # two calls, 128 images
        (0.0, 0.001, 10, 1),  # never less than a second
    ],
)
def test_the_estimate_is_of_calls_and_of_images(
    per_call: float,
    per_image: float,
    images: int,
    seconds: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, lines = SlowModel(per_call, per_image), list[str]()
    monkeypatch.setattr(probe_timing.time, "monotonic", lambda: slow.now)
    timing = ProbeTiming(slow.raw, np.zeros((TIMED, 1, 1, 1), np.float32), lines.append)
    assert not lines
    timing.announce("tries", images)
    assert lines == [f"slow: the probe tries: {images} images, about {seconds} s"]


def test_progress_is_told_every_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, lines = SlowModel(3.0, 0.0), list[str]()
    slow.seen = {2, 16, 64, 8}
    monkeypatch.setattr(probe_timing.time, "monotonic", lambda: slow.now)
    timing = ProbeTiming(slow.raw, np.zeros((TIMED, 1, 1, 1), np.float32), lines.append)
    timing.announce("tries", 400)
    images = np.arange(200, dtype=np.float32).reshape(200, 1, 1, 1)
    answers = timing.ask(images)
    np.testing.assert_array_equal(answers[:, 0], np.arange(200))
    assert answers.dtype == np.float64
    timing.ask(images)
    # calls end after 3, 6, 9, ... seconds; a line comes before the first call after five more
    assert lines[1:] == [f"slow: probe, {n} of 400 images" for n in (128, 200, 328)]
