"""Photographs come upright and as RGB, whatever their file; anything else is one line."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from datasets.base.errors import InputError
from faces.photos import photos, read_photo, upright_rgb

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_pixels_come_back(tmp_path: Path) -> None:
    for ending in ("png", "bmp", "tiff"):
        Image.fromarray(PICTURE).save(tmp_path / f"a.{ending}")
        np.testing.assert_array_equal(read_photo(tmp_path / f"a.{ending}"), PICTURE)


@pytest.mark.parametrize(("orientation", "quarters"), [(1, 0), (6, 1), (3, 2), (8, 3)])
def test_exif_turns_the_picture_upright(tmp_path: Path, orientation: int, quarters: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.rot90(PICTURE, quarters))  # counter-clockwise; EXIF turns it back
    stored.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), PICTURE)


def test_grey_transparent_and_deep_pictures(tmp_path: Path) -> None:
    grey = PICTURE[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.png"), np.dstack([grey] * 3))
    Image.fromarray(grey.astype(np.uint16) * 256).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "deep.png"), np.dstack([grey] * 3))
    alpha = np.zeros((20, 30, 4), np.uint8)
    alpha[:10] = [10, 20, 30, 255]
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    read = read_photo(tmp_path / "alpha.png")
    assert (read[:10] == [10, 20, 30]).all()
    assert (read[10:] == 255).all()


@pytest.mark.parametrize(
    ("pixels", "name", "words"),
    [
        (PICTURE[..., 0].astype(np.uint16) * 16, "a.png", "a 12-bit image"),
        (PICTURE[..., 0].astype(np.uint16) * 64, "a.tif", "a 12-bit image"),
        (PICTURE[..., 0].astype(np.float32) / 255, "a.tif", "found floats"),
        (PICTURE[..., 0].astype(np.int32) * 2**16, "a.tif", "found 32"),
    ],
)
def test_photographs_of_other_depths_are_refused(tmp_path: Path, pixels, name, words) -> None:
    """Read as they are they would be black or wrapped round, and no face would be found."""
    Image.fromarray(pixels).save(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: expected .*{words}"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize(("factor", "refused"), [(257, False), (16, True)])
def test_sixteen_bits_of_colour(tmp_path: Path, factor: int, refused: bool) -> None:
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), PICTURE[..., ::-1].astype(np.uint16) * factor)
    if refused:
        with pytest.raises(InputError, match="a 12-bit image"):
            read_photo(file)
    else:
        np.testing.assert_array_equal(read_photo(file), PICTURE)


def test_files_that_would_be_left_out_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "notes.txt", ".DS_Store", "b.JPE"):
        (tmp_path / name).touch()
    assert [file.name for file in photos(tmp_path)] == ["a.png", "b.JPE"]
    for name in ("c.heic", "d.HEIC", "e"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"c\.heic.*3 of the files \(\.heic: 2, no ending: 1\)"):
        photos(tmp_path)


def test_what_is_no_photograph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no such file"):
        read_photo(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(InputError, match=r"text\.jpg: expected a whole photograph"):
        read_photo(tmp_path / "text.jpg")
    Image.fromarray(PICTURE).save(tmp_path / "cut.png")
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.png: expected a whole photograph"):
        read_photo(tmp_path / "cut.png")


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (9000, 9000)])
def test_a_size_that_no_detector_takes_is_refused_by_name(tmp_path: Path, size) -> None:
    Image.new("1", size).save(tmp_path / "odd.png")
    with pytest.raises(
        InputError, match=rf"odd\.png: an image must be .*; got {size[0]}x{size[1]}"
    ):
        read_photo(tmp_path / "odd.png")


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_turned_as_pillow_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation  # 1 to 8 are known
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, format="PNG", exif=exif)
    with Image.open(file) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        assert (upright_rgb(opened) == expected).all()


def test_a_damaged_tag_beside_the_orientation_harms_nothing(tmp_path: Path) -> None:
    """Its maker has the type of a fraction: Pillow cannot write that again and fails."""
    maker, turned = (
        struct.pack(">HHII", 0x010F, 5, 1, 38),
        struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0),
    )
    block = b"MM\0*\0\0\0\x08\0\x02" + maker + turned + b"\0\0\0\0" + struct.pack(">II", 72, 1)
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    with Image.open(tmp_path / "a.jpg") as file, pytest.raises((AttributeError, struct.error)):
        ImageOps.exif_transpose(file)
    assert read_photo(tmp_path / "a.jpg").shape == (*PICTURE.shape[1::-1], 3)


def test_a_damaged_chunk_is_refused_and_damaged_exif_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)  # more than one chunk of pixels
    data = file.read_bytes()
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    file.write_bytes(data[:second] + b"\xff\xff\xff\xff" + data[second + 4 :])
    with pytest.raises(InputError, match=r"a\.png: expected a whole photograph; SyntaxError"):
        read_photo(file)
    Image.fromarray(noise).save(tmp_path / "b.jpg", exif=b"Exif\0\0II*\0\xff")
    assert read_photo(tmp_path / "b.jpg").shape == (300, 300, 3)  # without a warning


def test_hidden_files_are_left_aside_and_names_are_text(tmp_path: Path) -> None:
    for name in ("._a.png", "a 顔\u202fPM.png"):
        (tmp_path / name).touch()
    assert [file.name for file in photos(tmp_path)] == ["a 顔\u202fPM.png"]
    latin = tmp_path / "caf\udce9.png"  # as an old zip names it: no UTF-8
    latin.touch()
    for path in (latin, tmp_path):
        with pytest.raises(
            InputError, match=r"caf\\udce9\.png': names of photographs and clips must be UTF-8"
        ):
            photos(path)


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected photographs .* found none"):
        photos(tmp_path)
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    for name in ("deeper", "deeper.jpg"):
        (tmp_path / name).mkdir()
    assert [file.name for file in photos(tmp_path)] == ["a.png", "b.JPG"]
    assert photos(tmp_path / "a.png") == [tmp_path / "a.png"]
    with pytest.raises(InputError, match="found no such path"):
        photos(tmp_path / "none")
