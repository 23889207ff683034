"""A clip of the portrait that moves, disappears for some frames, and comes back."""

import numpy as np
import pytest

from live.settings import Settings
from live.video.find import FaceFinder
from live.video.label import Labeller
from live.video.read_clip import ClipReader
from tests.live.video.made_clips import write_clip

GONE = range(9, 12)
"""Frames of the clip without a face."""
FRAMES = 22


def moving(portrait, shift):
    return np.roll(portrait, shift, axis=1)


@pytest.fixture(scope="session")
def clip(portrait, tmp_path_factory):
    """22 frames of 256x256 at 10 per second, with sound."""
    images = [moving(portrait, i) for i in range(FRAMES)]
    for i in GONE:
        images[i] = np.full_like(portrait, 90)
    return write_clip(tmp_path_factory.mktemp("clip") / "moving.mp4", images, rate=10, sound=2.2)


@pytest.fixture(scope="session")
def attack_settings():
    return Settings(model="tiny.fer", second="tiny.ferplus", attack="fgsm", eps=4)


@pytest.fixture(scope="session")
def reader(models, attack_settings):
    labeller = Labeller(models, attack_settings)
    return ClipReader(labeller, FaceFinder("blazeface", 40, labeller.sides))
