"""Regions of the face on the mean of a run's faces, for the report's map of vulnerability."""

import numpy as np

from attacks.regional import REGIONAL, Region, region_maps
from datasets.faceset import FaceSet
from evaluation.config import RunConfig


def face_regions(faces: FaceSet, config: RunConfig) -> dict[str, np.ndarray]:
    """Return the arrays of `REGION_ARRAYS` over the faces that regional attacks work on.

    There are no regions in a run without such attacks.
    """
    names = {attack.name for attack in REGIONAL}
    limits = [attack.limit for attack in config.attacks if attack.name in names]
    if not limits:
        shape = faces.images.shape[1:]
        return {
            "mean_face": np.zeros(shape, np.uint8),
            "region": np.zeros(shape[:2], np.uint8),
            "name": np.empty(0, "<U5"),
            "share": np.empty(0),
        }
    images = faces.images[: limits[0]]
    maps = region_maps(images.astype(np.float32) / 255)
    counts = np.stack([(maps == index).sum(axis=0) for index in range(len(Region))])
    return {
        "mean_face": np.rint(images.mean(axis=0)).astype(np.uint8),
        "region": counts.argmax(axis=0).astype(np.uint8),
        "name": np.array([str(region) for region in Region]),
        "share": counts.sum(axis=(1, 2)) / maps.size,
    }
