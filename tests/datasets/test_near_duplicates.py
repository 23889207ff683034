"""The same photograph in another crop or encoding."""

import io

import numpy as np
import pytest
from PIL import Image

from datasets import inspect, near_duplicates
from datasets.faceset import Split
from datasets.near_duplicates import SAME_PHOTOGRAPH, first_near, near_pairs, perceptual_hash
from datasets.read import open_source
from datasets.sample.faces import read_sample
from tests.datasets.factory import FER, LEAKED_ROW, chain, csv_lines, write_lines
from tests.datasets.readers.layouts import face


def faces(count: int, side: int = 48, channels: int = 1, first: int = 0) -> np.ndarray:
    return np.stack([face(first + seed, side, channels) for seed in range(count)])


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))[..., None]


COPIES = {
    "identical": lambda image: image,
    "another encoding": as_jpeg,
    "darker": lambda image: (image * 0.6 + 20).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "another crop": lambda image: np.pad(image, ((2, 0), (1, 0), (0, 0)), "edge")[:48, :48],
    "a stamp": lambda image: np.where(np.indices(image.shape)[0] > 45, 255, image).astype(np.uint8),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found_among_other_faces(how):
    sample = read_sample().images
    training, shown = sample[:40], sample[100:106].copy()
    shown[4] = COPIES[how](training[17])
    pairs = near_pairs(shown, training)
    assert (pairs.row.tolist(), pairs.other.tolist()) == ([4], [17])
    assert pairs.correlation[0] > SAME_PHOTOGRAPH
    assert pairs.mirrored.tolist() == [how == "mirrored"]


def test_sizes_and_colours_do_not_matter():
    training = faces(30, 100, 3)
    smaller = [Image.fromarray(image).resize((64, 64)) for image in training[:3]]
    shown = np.stack([np.asarray(image) for image in smaller])
    assert near_pairs(shown, training).other.tolist() == [0, 1, 2]


def test_images_without_contrast_match_only_if_they_are_equal():
    flat = np.full((2, 48, 48, 1), 7, np.uint8)
    flat[1] = 90
    pairs = near_pairs(flat, flat)
    assert (pairs.row.tolist(), pairs.other.tolist()) == ([0, 1], [0, 1])
    assert len(near_pairs(flat, faces(20)).row) == 0
    assert len(near_pairs(flat[:0], flat).row) == 0


@pytest.mark.parametrize("pairs_at_once", [1, 16384])
def test_groups_are_the_connected_components_of_near_pairs(monkeypatch, pairs_at_once):
    monkeypatch.setattr(near_duplicates, "_PAIRS", pairs_at_once)
    a, b, c = chain(3)
    apart = near_pairs(a[None], c[None])
    assert len(apart.row) == 0 and len(near_pairs(a[None], b[None]).row) == 1
    sample = read_sample().images
    copies = [change(sample[17]) for change in COPIES.values()]
    images = np.stack([a, *sample[:60], c, *copies, b])
    expected = [0, *range(1, 61), 0, *[18] * len(copies), 0]
    assert first_near(images).tolist() == expected
    backwards = first_near(images[::-1])
    ends = np.array(expected)[::-1]
    same = backwards[:, None] == backwards
    assert (same == (ends[:, None] == ends)).all()


def test_unrelated_faces_and_empty_sets_stay_apart():
    sample = read_sample().images
    assert first_near(sample).tolist() == list(range(len(sample)))
    assert first_near(sample[:0]).tolist() == []
    flat = np.array([7, 90, 7], np.uint8)[:, None, None, None] * np.ones((1, 48, 48, 1), np.uint8)
    assert first_near(flat).tolist() == [0, 1, 0]


def test_many_near_duplicates_are_not_all_compared(monkeypatch):
    """300 faces that differ in a pixel have 90,000 pairs."""
    compared = []
    original = near_duplicates._correlations

    def listen(faces, others, rows, columns):
        compared.append(len(rows))
        return original(faces, others, rows, columns)

    monkeypatch.setattr(near_duplicates, "_correlations", listen)
    monkeypatch.setattr(near_duplicates, "_PAIRS", 100)
    images = np.repeat(read_sample().images[:1], 300, axis=0)
    images.reshape(300, -1)[np.arange(300), np.arange(300)] ^= 1
    assert set(first_near(images).tolist()) == {0}
    assert sum(compared) < 1000


def test_the_hash_is_of_low_frequencies():
    """Noise of a few steps leaves most bits; another face changes about half of them."""
    base = faces(20)[..., 0].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 4, base.shape).astype(np.float32)
    own = np.bitwise_count(perceptual_hash(base) ^ perceptual_hash(base + noise))
    others = np.bitwise_count(perceptual_hash(base) ^ np.roll(perceptual_hash(base), 1))
    assert own.max() <= 6 < 16 < others.mean()


def test_near_leaks_and_their_list(tmp_path, capsys):
    """Row 45 is a pixel-identical copy of row 2; row 51 (PublicTest or later) a darker one of 5."""
    images = faces(len(FER))
    images[LEAKED_ROW] = images[2]
    images[44] = COPIES["darker"](images[5])
    data = write_lines(tmp_path / "fer2013.csv", csv_lines(images))
    source = open_source(data, progress=False)
    public = source.faces(Split.PUBLIC_TEST)
    assert public.near_leaked is None
    marked = source.with_near_leaks(public)
    assert public.row_ids[marked.near_leaked].tolist() == [44, LEAKED_ROW]
    assert marked.take(marked.row_ids == 44).near_leaked.tolist() == [True]
    training = source.faces(Split.TRAINING)
    assert source.with_near_leaks(training) is training
    inspect.main(inspect.InspectRequest(data=data, out=tmp_path / "out"))
    said = capsys.readouterr().out
    assert "PublicTest: 2 faces have a near duplicate in Training" in said
    assert "PrivateTest: 0 faces have a near duplicate" in said
    lines = (tmp_path / "out" / "near_duplicates.csv").read_text().splitlines()
    assert lines[0] == "split,row,training_row,correlation,mirrored"
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["PublicTest", "44", "5"],
        ["PublicTest", "45", "2"],
    ]
