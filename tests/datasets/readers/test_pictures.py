"""Sizes, colours and crops of the images of a listing."""

import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from datasets.read import open_source
from datasets.readers.listing import Frame
from datasets.readers.reading import Reading
from tests.datasets.readers.layouts import face, save


def tree(root, sizes, channels):
    for row, (side, depth) in enumerate(zip(sizes, channels, strict=True)):
        save(root / "test" / "happy" / f"{row}.png", face(row, side, depth))
    return root


def read(path, **options):
    return open_source(path, reading=Reading(**options), progress=False)


def test_the_most_frequent_size_is_the_default_and_keeps_its_pixels(tmp_path, capsys):
    source = read(tree(tmp_path, [30, 30, 30, 60, 20], [3] * 5))
    assert source.images.shape == (5, 30, 30, 3)
    for row in range(3):
        assert (source.images[row] == face(row, 30)).all()
    shrunk = Image.fromarray(face(3, 60)).resize((30, 30), Image.Resampling.BILINEAR)
    assert (source.images[3] == np.asarray(shrunk)).all()
    note = "2 of 5 images brought to 30x30 (the most frequent), from 20x20 to 60x60"
    assert source.notes == (note,)
    assert note in capsys.readouterr().err


def test_a_size_is_named(tmp_path):
    source = read(tree(tmp_path, [30, 30, 48], [1, 1, 1]), side=48)
    assert source.images.shape == (3, 48, 48, 1)
    assert (source.images[2] == face(2, 48, 1)).all()
    assert "2 of 3 images brought to 48x48 (by --size)" in source.notes[0]


def test_other_shapes_keep_their_proportions(tmp_path):
    """The middle of a tall image is taken: a face is not squeezed."""
    tall = np.zeros((60, 30, 3), np.uint8)
    tall[15:45] = face(0, 30)
    save(tmp_path / "test" / "sad" / "0.png", tall)
    images = read(tmp_path, side=30).images
    assert (images[0] == face(0, 30)).all()


def test_scattered_sizes_take_the_median_side(tmp_path):
    source = read(tree(tmp_path, range(20, 51, 2), [3] * 16))
    assert source.images.shape[1:3] == (35, 35)
    assert "(the median side)" in source.notes[0]


def test_grey_faces_among_coloured_ones(tmp_path):
    source = read(tree(tmp_path, [24, 24, 24], [1, 3, 1]))
    assert source.images.shape == (3, 24, 24, 3)
    assert (source.images[0] == face(0, 24, 1)).all()
    assert source.notes == ("2 grey images among 3 given three channels",)


def test_faces_are_cut_out_and_missing_ones_counted(tmp_path):
    tree(tmp_path, [60, 50, 40], [3, 1, 3])

    def find(image: np.ndarray) -> Frame | None:
        assert image.dtype == np.uint8 and image.shape[2] == 3
        return None if image.shape[0] == 50 else Frame(-4, 10, 24)

    source = read(tmp_path, find_face=find)
    assert source.row_ids.tolist() == [0, 2]
    assert source.files.tolist() == ["test/happy/0.png", "test/happy/2.png"]
    photo = face(0, 60)
    assert (source.images[0][:, 4:] == photo[10:34, :20]).all()
    assert (source.images[0][:, :4] == photo[10:34, :1]).all()  # the edge, repeated outside
    assert source.notes == ("2 faces cut out by the detector, 1 images without a face left out",)
    with pytest.raises(InputError, match="found none in 3 images"):
        read(tmp_path, find_face=lambda _: None)


def test_large_photographs_may_be_made_smaller(tmp_path):
    save(tmp_path / "test" / "sad" / "0.png", np.zeros((1100, 1000, 3), np.uint8))
    with pytest.raises(InputError, match=r"at most 1 million pixels.*--size"):
        read(tmp_path)
    assert read(tmp_path, side=32).images.shape == (1, 32, 32, 1)


def test_files_of_several_images_are_read_by_their_first_and_counted(tmp_path, capsys):
    root = tree(tmp_path, [24], [1])
    frames = [Image.fromarray(face(row, 24, 1)[..., 0]) for row in (1, 2)]
    for name in ("1.gif", "2.tiff"):
        frames[0].save(root / "test" / "happy" / name, save_all=True, append_images=frames[1:])
    source = read(root)
    assert (source.images[1] == face(1, 24, 1)).all() and (source.images[2] == face(1, 24, 1)).all()
    assert "2 files of several images, of which the first is read" in source.notes
    assert "2 files of several images" in capsys.readouterr().err
