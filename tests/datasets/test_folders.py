from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.folders import write_folders
from datasets.labels import FER7, FERPLUS8, LabelSet
from datasets.read import load, open_source
from tests.datasets.factory import FER, csv_lines, make_images, vote_lines, write_lines


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def fails(path: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(path, progress=False)
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


def test_written_faces_read_back_by_row_id(tmp_path):
    images, ids = make_images()[:20], np.random.default_rng(5).permutation(1000)[:20]
    write_folders(images, FER[:20], FER7, ids, Split.PUBLIC_TEST, tmp_path)
    faces = load(tmp_path, Split.PUBLIC_TEST, progress=False)
    order = np.argsort(ids)
    assert faces.row_ids.tolist() == sorted(ids.tolist())
    assert (faces.images == images[order]).all()
    assert (faces.fer == FER[:20][order]).all()
    assert faces.votes is None


def test_colour_comes_back(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
    write_folders(images, np.arange(4), FER7, np.arange(4), Split.TRAINING, tmp_path)
    assert (load(tmp_path, Split.TRAINING, progress=False).images == images).all()


def test_ferplus_faces_come_back_as_unanimous_votes(tmp_path):
    labels = np.array([7, 0, 4, 7])
    write_folders(make_images()[:4], labels, FERPLUS8, np.arange(4), Split.PUBLIC_TEST, tmp_path)
    faces = load(tmp_path, Split.PUBLIC_TEST, progress=False)
    assert faces.label_sets == (LabelSet.FERPLUS,)
    assert faces.labels(LabelSet.FERPLUS).values.tolist() == labels.tolist()
    assert faces.votes.sum(axis=1).tolist() == [10] * 4
    assert not faces.tagged and not faces.take(np.arange(2)).tagged
    write_lines(tmp_path / "fer2013new.csv", vote_lines())
    fails(tmp_path, "row 0: expected Usage PublicTest")
    lines = [line.replace("Training", "PublicTest") for line in vote_lines()]
    write_lines(tmp_path / "fer2013new.csv", lines)
    assert load(tmp_path, Split.PUBLIC_TEST, progress=False).tagged


def test_ferplus_faces_without_contempt_still_read_as_ferplus(tmp_path):
    write_folders(
        make_images()[:2], np.array([3, 1]), FERPLUS8, np.arange(2), Split.TRAINING, tmp_path
    )
    faces = load(tmp_path, Split.TRAINING, progress=False)
    assert faces.labels(LabelSet.FERPLUS).values.tolist() == [3, 1]


def test_kaggle_folders_and_synonyms(tmp_path):
    names = ["Angry", "disgust", "FEAR", "happiness", "sadness", "surprised", "neutral"]
    for label, name in enumerate(names):
        for number in range(10):
            save(tmp_path / "train" / name / f"Training_{number}.png", GREY + label)
        save(tmp_path / "test" / name / "PrivateTest_1.jpg", GREY)
    source = open_source(tmp_path, progress=False)
    assert source.splits == (Split.TRAINING, Split.TEST)
    assert len(source.faces(Split.TEST)) == 7
    held_out = source.faces(Split.PUBLIC_TEST, for_training=True)  # one of ten of each class
    assert sorted(held_out.fer.tolist()) == list(range(7))
    assert (held_out.images[:, 0, 0, 0] == held_out.fer).all()  # pixel 0 is the label
    assert len(source.faces(Split.TRAINING, for_training=True)) == 63
    assert held_out.leaked.all()  # every class repeats one image
    with pytest.raises(InputError, match="kept for the final figure"):
        source.faces(Split.TEST, for_training=True)


def test_grey_variants_are_grey(tmp_path):
    save(tmp_path / "train" / "sad" / "0.png", GREY)
    Image.fromarray(GREY).convert("LA").save(tmp_path / "train" / "sad" / "1.png")
    images = load(tmp_path, Split.TRAINING, progress=False).images
    assert images.shape == (2, 3, 4, 1) and (images[0] == images[1]).all()


def test_votes_join_by_file_name(tmp_path):
    write_folders(
        make_images()[[44, 53]], FER[[44, 53]], FER7, np.array([44, 53]), Split.TEST, tmp_path
    )
    lines = vote_lines()
    write_lines(tmp_path / "fer2013new.csv", lines)
    votes = open_source(tmp_path, progress=False).votes
    assert votes.tolist() == [[int(n) for n in lines[row + 1].split(",")[2:]] for row in (44, 53)]


def test_votes_need_numbered_files(tmp_path):
    save(tmp_path / "train" / "sad" / "face.png", GREY)
    write_lines(tmp_path / "fer2013new.csv", vote_lines())
    fails(tmp_path, "fer2013new.csv", "named after their row")


@pytest.mark.parametrize(
    "place",
    [
        "train/sad/deeper/1.png",
        "train/sad/1.ico",
        "train/1.png",
        "test/sad/a/b/1.WEBP",
        "extra/sad/1.png",
        "sad/1.jpg",
        "more/train/sad/1.png",
    ],
)
def test_an_image_that_would_be_left_out(tmp_path, place):
    save(tmp_path / "train" / "sad" / "0.png", GREY)
    for ignored in ("inspect/counts.png", ".hidden/train/sad/1.png", "train/sad/._0.png"):
        save(tmp_path / ignored, GREY)
    (tmp_path / "train" / "sad" / "Thumbs.db").touch()
    assert len(load(tmp_path, Split.TRAINING, progress=False)) == 1
    save(tmp_path / place, GREY)
    fails(tmp_path, str(tmp_path / place), "would be left out. Move, convert or remove them")


def test_valid_is_public_test(tmp_path):
    save(tmp_path / "valid" / "sad" / "0.png", GREY)
    assert len(load(tmp_path, Split.PUBLIC_TEST, progress=False)) == 1


def test_images_are_upright_and_opaque(tmp_path):
    orientation = Image.Exif()
    orientation[0x0112] = 6  # turned left by the camera
    folder = tmp_path / "train" / "sad"
    save(folder / "0.png", GREY)
    Image.fromarray(np.rot90(GREY)).save(folder / "1.png", exif=orientation)
    shade = np.stack([GREY, np.full_like(GREY, 255)], axis=-1)
    shade[0, 0] = 0  # black, and transparent
    Image.fromarray(shade, "LA").save(folder / "2.png")
    Image.fromarray(GREY).save(folder / "3.png", exif=b"Exif\0\0II*\0\xff")  # damaged: left aside
    images = load(tmp_path, Split.TRAINING, progress=False).images[..., 0]
    assert (images[[0, 1, 3]] == GREY).all()
    assert images[2].ravel().tolist() == [255, *range(1, 12)]


def test_images_that_are_no_faces(tmp_path, monkeypatch):
    path = tmp_path / "train" / "sad" / "0.png"
    save(path, np.zeros((1025, 1024), np.uint8))
    fails(tmp_path, str(path), "at most 1 million pixels, found 1025x1024")
    save(path, GREY)

    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    fails(tmp_path, "fit into memory, found 1 of 3x4")


def test_unknown_class(tmp_path):
    save(tmp_path / "train" / "bored" / "0.png", GREY)
    fails(tmp_path, str(tmp_path / "train" / "bored"), "'bored'", "angry, disgust")


def test_unreadable_image(tmp_path):
    save(tmp_path / "train" / "sad" / "0.png", GREY)
    (tmp_path / "train" / "sad" / "1.png").write_text("no image")
    fails(tmp_path, "1.png", "readable PNG or JPEG")


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_image_cut_short(tmp_path, ending):
    path = tmp_path / "train" / "sad" / f"0.{ending}"
    save(path, np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-800])
    fails(tmp_path, str(path), "readable PNG or JPEG")


def test_deep_image(tmp_path):
    save(tmp_path / "train" / "sad" / "0.png", GREY.astype(np.uint16) * 257)
    fails(tmp_path, "0.png", "8 bits per channel")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_images_with_three_equal_channels_are_read_as_one(tmp_path, capsys, mode):
    """Three channels would make every L1 and L2 budget smaller per pixel."""
    for name, image in (("0", Image.fromarray(GREY)), ("1", Image.fromarray(GREY).convert(mode))):
        path = tmp_path / "train" / "sad" / f"{name}.{'tif' if mode == 'CMYK' else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    images = load(tmp_path, Split.TRAINING, progress=False).images
    assert images.shape == (2, 3, 4, 1)
    assert (images[0, ..., 0] == GREY).all()
    assert (images[1] == images[0]).all()
    assert "1 images with three equal channels, read as one" in capsys.readouterr().err


@pytest.mark.parametrize("first", [0, 1, 2])
def test_one_image_in_colour_keeps_three_channels_for_all(tmp_path, capsys, first):
    pixels = np.repeat(np.repeat(GREY[None, :, :, None], 3, axis=0), 3, axis=3)
    pixels[first, 0, 0] = [200, 100, 50]
    for row, image in enumerate(pixels):
        save(tmp_path / "train" / "sad" / f"{row}.png", image)
    assert (load(tmp_path, Split.TRAINING, progress=False).images == pixels).all()
    assert capsys.readouterr().err == ""


def test_every_ending_that_pillow_reads_is_read(tmp_path):
    folder = tmp_path / "train" / "sad"
    endings = ("png", "bmp", "tga", "tiff", "gif", "pgm")
    for row, ending in enumerate(endings):
        save(folder / f"{row}.{ending}", GREY)
    Image.fromarray(GREY).save(folder / "6.jpe", format="JPEG", quality=100)
    images = load(tmp_path, Split.TRAINING, progress=False).images
    assert len(images) == 7
    assert (images[:6, ..., 0] == GREY).all()


def test_files_that_would_be_left_out_are_counted_by_ending(tmp_path):
    folder = tmp_path / "test" / "happy"
    save(folder / "0.png", GREY)
    for name in ("notes.txt", "list.csv", ".DS_Store", "Thumbs.db"):
        (folder / name).touch()
    assert len(load(tmp_path, Split.TEST, progress=False)) == 1
    for name in ("1.heic", "2.HEIC", "3.avif", "4"):
        (folder / name).touch()
    fails(tmp_path, "1.heic", "4 of the files (.heic: 2, .avif: 1, no ending: 1) would be left out")


@pytest.mark.parametrize("names", [("val", "validation"), ("train", "Training")])
def test_two_folders_of_one_split_are_refused(tmp_path, names):
    for name in names:
        save(tmp_path / name / "sad" / "0.png", GREY)
    fails(tmp_path, names[0], names[1], "expected one folder per split")


def test_a_csv_next_to_image_folders_is_refused(tmp_path):
    write_lines(tmp_path / "fer2013.csv", csv_lines())
    (tmp_path / "sample").mkdir()  # holds no classes
    assert len(open_source(tmp_path, progress=False).images) == 60
    save(tmp_path / "test" / "sad" / "0.png", GREY)
    fails(tmp_path, "found fer2013.csv and the image folders sample, test", "--data")


def test_of_two_csv_files_the_one_read_is_named(tmp_path, capsys):
    write_lines(tmp_path / "fer2013.csv", csv_lines())
    write_lines(tmp_path / "icml_face_data.csv", csv_lines())
    open_source(tmp_path, progress=False)
    assert "reading fer2013.csv, not icml_face_data.csv" in capsys.readouterr().err


def test_classes_without_images(tmp_path):
    (tmp_path / "train" / "sad").mkdir(parents=True)
    fails(tmp_path, "found no image")
