"""Hostile pictures: photographs, faces of a data set, frames that a browser sends."""

import io

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from datasets.data_options import Format
from datasets.read import open_source
from datasets.readers.reading import Reading
from faces.photos import read_photo
from live.server.images import ImageError, decode
from tests.datasets.readers.layouts import face
from tests.fuzz.hostile import damage, damaged, inputs, survives

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "TGA", "PPM", "JPEG2000")


def _encoded(form: str) -> bytes:
    content = io.BytesIO()
    image = Image.fromarray(face(3, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, object] = {"exif": exif} if form in ("PNG", "JPEG", "WEBP") else {}
    if form == "GIF":
        options = {"save_all": True, "append_images": [Image.fromarray(face(4, 48))]}
    image.save(content, form, **options)
    return content.getvalue()


WHOLE = {form: _encoded(form) for form in FORMATS}


def test_whole_pictures_are_read(tmp_path):
    for form, data in WHOLE.items():
        path = tmp_path / f"photo.{form.lower()}"
        path.write_bytes(data)
        assert read_photo(path).shape == (48, 48, 3)


@pytest.mark.parametrize("form", FORMATS)
@inputs(len(FORMATS))
@given(steps=damage)
def test_photographs(form, tmp_path, steps):
    path = tmp_path / f"photo.{form.lower()}"
    path.write_bytes(damaged(WHOLE[form], steps))
    survives(lambda: read_photo(path), tmp_path)


@pytest.mark.parametrize("form", FORMATS)
@inputs(len(FORMATS))
@given(steps=damage)
def test_faces_in_folders(form, tmp_path, steps):
    path = tmp_path / "test" / "happy" / f"1.{'jp2' if form == 'JPEG2000' else form.lower()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(damaged(WHOLE[form], steps))
    reading = Reading(form=Format.FOLDERS, side=48)
    survives(lambda: open_source(tmp_path, reading=reading, progress=False), tmp_path)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
@inputs(4)
@given(steps=damage)
def test_frames_of_a_browser(form, steps):
    data = damaged(WHOLE[form], steps)
    survives(lambda: decode(data), documented=ImageError)


def test_frames_are_rgb():
    assert decode(WHOLE["PNG"]).dtype == np.uint8
