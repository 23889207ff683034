"""Photographs of people: what is read, and one line for each mistake."""

import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from live.video.people import gallery as gallery_module
from live.video.people.gallery import Gallery, people_in, read_gallery


class Describer:
    """Describes a crop by its mean colour: equal pictures are at distance 0."""

    def crop(self, image, points):
        assert points.shape == (468, 2)
        return image[:150, :150]

    def describe(self, crops):
        return crops.mean(axis=(1, 2))[:, [0, 1, 2] + [0] * 125]


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def test_people_are_described_by_their_photographs(portrait, tmp_path):
    save(portrait, tmp_path / "Ann" / "a.png")
    save(portrait[:, ::-1].copy(), tmp_path / "Ann" / "b.jpg")
    save(portrait, tmp_path / "Bob" / "a.png")
    (tmp_path / "notes.txt").write_text("ignored")
    found = read_gallery(tmp_path, Describer())
    assert found.names == ("Ann", "Bob")
    assert [len(rows) for rows in found.descriptors] == [2, 1]
    assert found.alike() == [("Ann", "Bob", 0.0)]


def test_other_photographs_or_names_are_another_gallery(portrait, tmp_path):
    save(portrait, tmp_path / "one" / "Ann" / "a.png")
    save(portrait, tmp_path / "two" / "Eve" / "a.png")
    save(portrait[1:], tmp_path / "three" / "Ann" / "a.png")
    digests = {read_gallery(tmp_path / n, Describer()).sha256 for n in ("one", "two", "three")}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, r"expected a folder per person; found none"),
        ({"Ann": []}, r"Ann: expected photographs .* found none"),
        ({"Ann": ["face"], ".": ["face"]}, r"expected a folder per person, .* found a file"),
        ({"Ann": ["grey"]}, r"0\.png: a photograph in --people must show one face; found 0"),
        ({"Ann": ["face", "two"]}, r"1\.png: a photograph .* one face; found 2\. Crop"),
        ({"Ann": ["broken"]}, r"0\.png: expected a whole photograph"),
        ({"unknown": ["face"]}, r"unknown is the name of strangers"),
    ],
)
def test_mistakes_are_one_line(files, line, portrait, tmp_path):
    pictures = {
        "face": portrait,
        "two": np.concatenate([portrait, portrait], axis=1),
        "grey": np.full_like(portrait, 128),
    }
    for name, kinds in files.items():
        (tmp_path / name).mkdir(exist_ok=True)
        for i, kind in enumerate(kinds):
            path = tmp_path / name / f"{i}.png"
            if kind == "broken":
                path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
            else:
                save(pictures[kind], path)
    with pytest.raises(InputError, match=line) as caught:
        read_gallery(tmp_path, Describer())
    assert "\n" not in str(caught.value)


def test_folder_must_exist(tmp_path):
    with pytest.raises(InputError, match="--people must be a folder with a folder per person"):
        people_in(tmp_path / "none")


def test_distance_is_to_the_nearest_photograph(monkeypatch):
    ann, bob = np.zeros((2, 128)), np.zeros((1, 128))
    ann[1, 0], bob[0, 1] = 1.0, 2.0
    found = Gallery(("Ann", "Bob"), (ann, bob), "")
    asked = np.zeros((2, 128))
    asked[1, 0] = 0.9
    np.testing.assert_allclose(found.distances(asked), [[0, 2], [0.1, np.hypot(0.9, 2)]])
    assert found.alike() == []
    monkeypatch.setattr(gallery_module, "THRESHOLD", 2.1)
    assert found.alike() == [("Ann", "Bob", 2.0)]
