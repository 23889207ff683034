"""Write images in folders by split and class: `train/happy/17.png`.

`datasets/readers/split_folders.py` lists them again.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.faceset import Split
from datasets.labels import LabelScheme


def write_folders(
    images: np.ndarray,
    labels: np.ndarray,
    scheme: LabelScheme,
    row_ids: np.ndarray,
    split: Split,
    out: Path,
) -> None:
    """Write `out/<split>/<class>/<row id>.png` with 8 bits per channel.

    Args:
        images: uint8 (N, H, W, C), C = 1 or 3.
        labels: int (N,) in [0, K).
        scheme: class names; every class gets a folder, even without images.
        row_ids: int (N,), unique.
        split: which split the images belong to.
        out: folder, created if it does not exist.
    """
    write_class_folders(images, labels, scheme, row_ids, out / str(split))


def write_class_folders(
    images: np.ndarray, labels: np.ndarray, scheme: LabelScheme, row_ids: np.ndarray, out: Path
) -> None:
    """Write `out/<class>/<row id>.png`; for the arguments see `write_folders`."""
    folders = [out / name for name in scheme.classes]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for image, label, row in zip(images, labels, row_ids, strict=True):
        (folders[label] / f"{row}.png").write_bytes(png_of(image))


def png_of(image: np.ndarray) -> bytes:
    """Return an image, uint8 (H, W, C) with C = 1 or 3, as a png."""
    stream = io.BytesIO()
    pixels = image[:, :, 0] if image.shape[2] == 1 else image
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
