"""Describe a face by 128 numbers that are close for pictures of one person (extra `people`).

dlib's residual net, from the package `face_recognition_models`, whose code is not imported. Faces
are made upright by five landmarks of the face mesh instead of dlib's own: on the test clips the
distances between the faces of one person are the same or smaller.

Source: King, "High quality face recognition with deep metric learning", dlib.net, 2017; weights in
the public domain, trained on about 3 million faces of 7,485 people, half of them from VGG Face and
FaceScrub.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256

SIDE = 150
"""Side of the picture that the net describes, in pixels."""
LENGTH = 128
_PACKAGE, _FILE = "face_recognition_models", "dlib_face_recognition_resnet_model_v1.dat"
_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_PADDING = 0.25
"""Room around the face, as the net was trained."""
_FIVE = (263, 362, 33, 133, 2)
"""Landmarks in dlib's order: corners of the right eye of the image, outer and inner, of the left
one, and the base of the nose."""


class FaceDescriber:
    """Crops upright faces and describes them. Not thread-safe: one thread per call."""

    def __init__(self) -> None:
        """Load the net.

        Raises:
            InputError: dlib or the package with the weights is missing, or the weights are others.
        """
        try:
            import dlib
        except ImportError as error:
            raise InputError(
                "to know who is who takes dlib, which is not installed: pip install -e '.[people]'."
            ) from error
        self._dlib = dlib
        self._net = dlib.face_recognition_model_v1(str(_weights()))

    def crop(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return an upright face, uint8 RGB (150, 150, 3).

        Args:
            image: uint8 RGB (H, W, 3).
            points: (468, 2) landmarks of the face in pixels of the image.
        """
        corner, opposite = points.min(axis=0), points.max(axis=0)
        box = self._dlib.rectangle(*(int(value) for value in (*corner, *opposite)))
        five = [self._dlib.point(*(round(float(v)) for v in points[i])) for i in _FIVE]
        shape = self._dlib.full_object_detection(box, five)
        crop: np.ndarray = self._dlib.get_face_chip(image, shape, SIDE, _PADDING)
        return crop

    def describe(self, crops: np.ndarray) -> np.ndarray:
        """Return float64 (N, 128) of faces uint8 (N, 150, 150, 3); compare by L2 distance."""
        found = [np.array(self._net.compute_face_descriptor(crop)) for crop in crops]
        return np.array(found, np.float64).reshape(len(crops), LENGTH)


def _weights() -> Path:
    """Path of the net's weights, checked."""
    spec = find_spec(_PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [Path(folder) / "models" / _FILE for folder in folders]
    if not files or not files[0].is_file():
        raise InputError(
            f"expected {_FILE} of the package {_PACKAGE}; found "
            f"{files[0] if files else 'no such package'}. pip install -e '.[people]'"
        )
    digest = file_sha256(files[0])
    if digest != _SHA256:
        raise InputError(
            f"{files[0]}: expected the weights with SHA-256 {_SHA256[:12]}...; got "
            f"{digest[:12]}.... Install {_PACKAGE} 0.3.0 again."
        )
    return files[0]
