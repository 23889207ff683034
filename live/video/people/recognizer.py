"""Compare the faces of a clip with the people of a gallery."""

from pathlib import Path

import numpy as np

from faces.descriptor import FaceDescriber
from live.video.people.gallery import Gallery, read_gallery


class Recognizer:
    """A net and a gallery. Not thread-safe: crop on one thread, compare on another."""

    def __init__(self, folder: Path) -> None:
        """Describe the people in a folder; for errors see `read_gallery`."""
        self._describer = FaceDescriber()
        self.gallery: Gallery = read_gallery(folder, self._describer)

    def crop(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """See `FaceDescriber.crop`."""
        return self._describer.crop(image, points)

    def distances(self, crops: list[np.ndarray]) -> np.ndarray:
        """Distance of each face to each person, (N, P)."""
        if not crops:
            return np.empty((0, len(self.gallery.names)))
        return self.gallery.distances(self._describer.describe(np.stack(crops)))
