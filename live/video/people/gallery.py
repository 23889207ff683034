"""The people that a user wants named: a folder per person with photographs, described.

Descriptors stay in memory; only distances to them are written.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from datasets.image_files import may_be_ignored
from faces.descriptor import FaceDescriber
from faces.detectors import make_detector
from faces.landmarks import FaceMesh
from faces.photos import photos, read_photo
from live.pipeline import find_faces
from live.video.find import SEARCH_SIDE

UNKNOWN = "unknown"
"""Identity of a face that is none of the people."""
THRESHOLD = 0.55
"""Largest distance between descriptors of one person (`benchmarks/people.py`, docs/video.md). The
net was trained for 0.6; a wrong name is worse than none, and a median of several frames is less
noisy than the single ones for which 0.6 was meant."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """People by name.

    Attributes:
        names: in alphabetical order.
        descriptors: float64 (M, 128) for each, one row per photograph.
        sha256: of names and photographs.
    """

    names: tuple[str, ...]
    descriptors: tuple[np.ndarray, ...]
    sha256: str

    def distances(self, descriptors: np.ndarray) -> np.ndarray:
        """Distance of faces (N, 128) to the nearest photograph of each person, (N, P)."""
        columns = [
            np.linalg.norm(descriptors[:, None] - mine[None], axis=2).min(axis=1)
            for mine in self.descriptors
        ]
        return np.stack(columns, axis=1)

    def alike(self) -> list[tuple[str, str, float]]:
        """Pairs of people with photographs closer than the threshold, and their distance."""
        found = []
        for i, name in enumerate(self.names):
            nearest = self.distances(self.descriptors[i]).min(axis=0)
            found += [
                (name, self.names[j], float(nearest[j]))
                for j in range(i + 1, len(self.names))
                if nearest[j] <= THRESHOLD
            ]
        return found


def people_in(folder: Path) -> dict[str, list[Path]]:
    """Photographs of each person, by name; nothing is read yet.

    Raises:
        InputError: no such folder, none or other files in it, a name that is taken, or a person
            without photographs.
    """
    if not folder.is_dir():
        raise InputError(f"--people must be a folder with a folder per person; got {folder}.")
    entries = [entry for entry in sorted(folder.iterdir()) if not may_be_ignored(entry)]
    loose = [entry for entry in entries if not entry.is_dir()]
    if loose:
        raise InputError(
            f"{loose[0]}: expected a folder per person, named after the person; found a file. "
            "Move it into one."
        )
    if not entries:
        raise InputError(f"{folder}: expected a folder per person; found none.")
    if UNKNOWN in (entry.name for entry in entries):
        raise InputError(f"{folder / UNKNOWN}: {UNKNOWN} is the name of strangers. Rename it.")
    return {entry.name: photos(entry) for entry in entries}


def read_gallery(folder: Path, describer: FaceDescriber) -> Gallery:
    """Describe the photographs of all people.

    Raises:
        InputError: see `people_in`; a photograph that cannot be read, or that does not show exactly
            one face.
    """
    detector, mesh = make_detector("blazeface", min_size=40), FaceMesh()
    digest, described = hashlib.sha256(), {}
    for name, files in people_in(folder).items():
        crops = []
        for file in files:
            digest.update(f"{name}\n{file_sha256(file)}\n".encode())
            image = read_photo(file)
            boxes = find_faces(image, detector, SEARCH_SIDE)
            marks = mesh.locate(image, [detector.frame(box) for box in boxes])
            seen = marks.points[marks.found]
            if len(seen) != 1:
                raise InputError(
                    f"{file}: a photograph in --people must show one face; found {len(seen)}. "
                    f"{'Crop' if len(seen) else 'Enlarge, crop'} or remove it."
                )
            crops.append(describer.crop(image, seen[0]))
        described[name] = describer.describe(np.stack(crops))
    return Gallery(tuple(described), tuple(described.values()), digest.hexdigest())
