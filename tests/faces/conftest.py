import numpy as np
import pytest
from skimage.data import astronaut

from faces.box import Box

FACE = Box(176, 64, 96, 98)
"""The astronaut's face, brow to chin, set by hand."""


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    return astronaut()
