"""Images of every format and EXIF orientation are read as they are shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from datasets.image_files import decode_image, upright_size

SHOWN = np.zeros((32, 48, 3), np.uint8)
SHOWN[:16, :16] = 240  # the top left
SHOWN[16:, 32:, 0] = 120  # the bottom right, in red
AS_STORED = {
    1: SHOWN,
    2: SHOWN[:, ::-1],
    3: SHOWN[::-1, ::-1],
    4: SHOWN[::-1],
    5: SHOWN.swapaxes(0, 1),
    6: np.rot90(SHOWN),
    7: SHOWN[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90(SHOWN, -1),
}
"""Pixels in a file of each orientation: EXIF 2.32, 4.6.4, tag 274."""
FORMS: dict[str, dict[str, Any]] = {
    "png": {},
    "jpg": {"quality": 95, "subsampling": 0},
    "webp": {"lossless": True},
    "tif": {},
    "packed.tif": {"compression": "tiff_deflate"},
    "tiff": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize("form", FORMS)
def test_every_format_comes_as_it_is_shown(
    tmp_path: Path, form: str, orientation: int, grey: bool
) -> None:
    stored = np.ascontiguousarray(AS_STORED[orientation][..., 0 if grey else slice(None)])
    expected = SHOWN[..., :1] if grey else SHOWN
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"a.{form}"
    Image.fromarray(stored).save(file, exif=exif, **FORMS[form])
    with Image.open(file) as image:
        assert upright_size(image) == expected.shape[:2]
        pixels = decode_image(image)
        assert upright_size(image) == expected.shape[:2]  # once it is loaded
    if form == "webp" and grey:
        pixels = pixels[..., :1]  # WebP files hold colours
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= (8 if form == "jpg" else 0)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tiff_with_an_orientation_in_xmp(tmp_path: Path, orientation: int) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = f'<x tiff:Orientation="{orientation}"/>'.encode()
    stored = np.ascontiguousarray(AS_STORED[orientation])
    Image.fromarray(stored).save(tmp_path / "a.tif", tiffinfo=tags)
    with Image.open(tmp_path / "a.tif") as image:
        assert upright_size(image) == SHOWN.shape[:2]
        assert (decode_image(image) == SHOWN).all()
