"""The detectors by name: to add one, write its file and add an entry here.

Each is imported on first use, since MTCNN imports TensorFlow and HOG dlib.
"""

from importlib import import_module

from datasets.base.errors import InputError
from faces.both_eyes import BothEyes
from faces.detector import Detector
from faces.whole_image import WholeImage

DETECTORS: dict[str, str] = {
    "haar": "faces.haar.Haar",
    "blazeface": "faces.blazeface.BlazeFace",
    "hog": "faces.hog.Hog",
    "mtcnn": "faces.mtcnn.Mtcnn",
}
"""Class of each detector by name; the first one is the default."""
_USUAL = ("haar", 40)
"""Detector and smallest face of photographs, unless others are asked for."""


def make_detector(
    name: str = _USUAL[0],
    *,
    min_size: int = _USUAL[1],
    both_eyes: bool = False,
    whole: bool = False,
) -> Detector:
    """Make a detector by name.

    Args:
        name: a key of `DETECTORS`.
        min_size: shorter side of the smallest reported face, in pixels.
        both_eyes: report only faces with both eyes visible.
        whole: images are faces already, so the box is the whole image.

    Raises:
        InputError: unknown name, its extra is not installed, or options of a search that `whole`
            leaves out.
    """
    if name not in DETECTORS:
        raise InputError(f"no detector {name!r}; choose one of {', '.join(DETECTORS)}.")
    if whole and (name, min_size) != _USUAL:
        raise InputError(
            f"--whole takes images as they are, so nothing is searched; got --detector {name} "
            f"--min-size {min_size}. Leave these out, or --whole."
        )
    if whole:
        return WholeImage()
    module, _, class_name = DETECTORS[name].rpartition(".")
    detector: Detector = getattr(import_module(module), class_name)(min_size=min_size)
    return BothEyes(detector) if both_eyes else detector
