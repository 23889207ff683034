"""Sets on disk: what the files hold, byte names included, and what is refused."""

import json

import numpy as np
import pytest

from attacks.base import BATCH_ROWS, Cost
from attacks.sets.contents import UNKNOWN, AdversarialSet, CorruptedSet, SetHeader, TransferSet
from attacks.sets.spec import AttackSpec, CorruptionSpec
from attacks.sets.store import (
    chunk_path,
    complete_sets,
    open_set,
    read_chunk,
    read_header,
    write_chunk,
    write_header,
)
from attacks.threat_model import Norm
from datasets.base.errors import InputError

GRID = (0.1, 0.2)
ATTACK = AttackSpec(
    perturbation="pgd", norm=Norm.LINF, grid=GRID, options={"steps": 3}, attacked_labels="fer"
)
CORRUPTION = CorruptionSpec(perturbation="jpeg", grid=(1, 3), seed=4)
COUNT = BATCH_ROWS + 2


def header(spec=ATTACK, key="key", count=COUNT):
    return SetHeader(key, spec, "net", ("a", "b"), "faces", count, (2, 2, 1), "bfloat16")


def columns(rows):
    """Arrays of a chunk whose values are the row numbers."""
    return {
        "row_ids": 1000 + rows,
        "labels": rows % 2,
        "forward": rows,
        "backward": 2 * rows,
        "zero_gradients": 3 * rows,
        "by_answers": rows % 3,
    }


def pixels(rows):
    return np.broadcast_to(rows[:, None, None, None] / 1000, (len(rows), 2, 2, 1)).astype("f4")


def write_sweep(folder, head=None):
    """Two chunks of 100 and 2 rows: of each the second row breaks at 0.2, the first is wrong."""
    head = head or header()
    write_header(folder, head)
    for index, part in enumerate(head.chunks):
        rows = np.arange(COUNT)[part]
        smallest = np.full(len(rows), np.nan)
        smallest[:2] = 0.0, 0.2
        arrays = {
            **columns(rows),
            "smallest_eps": smallest,
            "image_rows": np.array([1]),
            "images": pixels(rows[1:2]),
            "seconds": np.array([1.0, 2.0]),
        }
        write_chunk(folder, index, head.key, arrays)
    return head


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def test_a_sweep_is_put_together_from_its_chunks(folder):
    head = write_sweep(folder)
    made = open_set(folder)
    assert isinstance(made, AdversarialSet)
    assert made.header == head and made.spec is made.header.spec and made.reused_chunks == 0
    rows = np.arange(COUNT)
    for name, values in columns(rows).items():
        np.testing.assert_array_equal(getattr(made, name), values)
    assert made.image_rows.tolist() == [1, BATCH_ROWS + 1]
    np.testing.assert_array_equal(made.images, pixels(made.image_rows))
    assert made.smallest_eps[[0, 1, 100, 101]].tolist() == [0, 0.2, 0, 0.2]
    assert np.isnan(made.smallest_eps[2:100]).all()
    assert made.seconds.tolist() == [2, 4]
    assert made.success.sum(axis=0).tolist() == [2, 4]
    assert made.lines() == [
        "pgd linf 0.1: 0 of 100 broken, 2.0 s",
        "pgd linf 0.2: 2 of 100 broken, 4.0 s",
    ]
    cost = made.cost(np.array([3, 101]))
    assert isinstance(cost, Cost)
    assert [part.tolist() for part in cost] == [[3, 101], [6, 202], [9, 303], [0, 2]]


def test_sets_of_older_versions_do_not_tell_what_answers_alone_broke(folder, monkeypatch):
    without = {name: values for name, values in columns(np.arange(3)).items()}
    del without["by_answers"]
    monkeypatch.setattr(f"{__name__}.columns", lambda rows: {name: rows for name in without})
    write_sweep(folder)
    made = open_set(folder)
    assert made.by_answers.tolist() == [UNKNOWN] * COUNT
    assert made.cost(np.array([3])).by_answers.tolist() == [UNKNOWN]


@pytest.mark.parametrize("older", [0, 1])
def test_chunks_of_two_versions_are_one_set(folder, older):
    """As where a run is resumed after an update, or a damaged chunk is made again."""
    write_sweep(folder)
    path = chunk_path(folder, older)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "by_answers"}
    np.savez(path, **arrays)
    rows, part = np.arange(COUNT), header().chunks[older]
    expected = rows % 3
    expected[part] = UNKNOWN
    np.testing.assert_array_equal(open_set(folder).by_answers, expected)


def test_the_attacked_images_at_each_eps(folder):
    write_sweep(folder)
    made, clean = open_set(folder), np.ones((COUNT, 2, 2, 1), np.float32)
    np.testing.assert_array_equal(made.attacked(clean, 0.19), clean)
    at = made.attacked(clean, 0.2)
    assert np.flatnonzero((at != clean).any(axis=(1, 2, 3))).tolist() == [1, 101]
    np.testing.assert_array_equal(at[[1, 101]], made.images)
    assert (clean == 1).all()


def test_files_keep_the_names_of_the_first_version(folder):
    """So that sets made before are read, and others who read the files find what they know."""
    write_sweep(folder)
    with np.load(folder / "chunk-00001.npz") as archive:
        assert set(archive.files) == {
            "key", "row_ids", "labels", "broken_at", "images", "image_rows", "forward", "backward",
            "zero_gradients", "by_answers", "seconds",
        }  # fmt: skip
        assert str(archive["key"]) == "key"
    assert json.loads((folder / "manifest.json").read_text()) == {
        "schema_version": 1,
        "key": "key",
        "spec": {
            "perturbation": "pgd",
            "norm": "linf",
            "grid": [0.1, 0.2],
            "options": {"steps": 3},
            "attacked_labels": "fer",
            "seed": 0,
        },
        "source": "net",
        "classes": ["a", "b"],
        "faces_sha256": "faces",
        "count": 102,
        "image_shape": [2, 2, 1],
        "precision": "bfloat16",
        "answers": [],
    }
    assert read_header(folder) == header()
    assert sorted(path.name for path in folder.iterdir()) == [
        "chunk-00000.npz", "chunk-00001.npz", "manifest.json",
    ]  # fmt: skip


def test_a_manifest_without_a_precision_is_of_float32(folder):
    write_sweep(folder)
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    del values["precision"]
    path.write_text(json.dumps(values))
    assert read_header(folder).precision == "float32"


def test_a_transfer_set_keeps_every_image(folder):
    head = header(AttackSpec(perturbation="pgd", norm=Norm.L2, grid=(2,), attacked_labels="fer"))
    write_header(folder, head)
    for index, part in enumerate(head.chunks):
        rows = np.arange(COUNT)[part]
        arrays = {**columns(rows), "images": pixels(rows), "seconds": np.array([0.5])}
        write_chunk(folder, index, head.key, arrays)
    made = open_set(folder)
    assert isinstance(made, TransferSet) and made.reused_chunks == 0
    np.testing.assert_array_equal(made.images, pixels(np.arange(COUNT)))
    assert made.lines() == ["pgd l2 2: 102 images for other models, 1.0 s"]


def test_a_corrupted_set_has_every_severity(folder):
    head = header(CORRUPTION, count=3)
    write_header(folder, head)
    images = np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2, 1)
    arrays = {"row_ids": np.arange(3), "images": images, "seconds": np.array([0.25, 0.5])}
    write_chunk(folder, 0, head.key, arrays)
    made = open_set(folder)
    assert isinstance(made, CorruptedSet) and made.severities == (1, 3)
    np.testing.assert_array_equal(made.images, images)
    assert made.header == head and made.reused_chunks == 0
    assert made.lines() == ["jpeg severity 1, 3: 3 images each, 0.8 s"]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (99, [99]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_chunks_hold_a_hundred_rows(count, sizes):
    parts = header(count=count).chunks
    assert [part.stop - part.start for part in parts] == sizes
    assert [part.start for part in parts] == [100 * i for i in range(len(sizes))]


def test_a_set_is_found_up_to_two_levels_down_when_it_is_complete(tmp_path):
    places = [tmp_path / "here", tmp_path / "a" / "b", tmp_path / "c" / "d" / "e" / "f"]
    for place in places:
        place.mkdir(parents=True)
        write_sweep(place, header(key=place.name))
    (tmp_path / "a" / "manifest.json").write_text('{"schema_version": 9}')  # of something else
    assert complete_sets(tmp_path / "none") == {}
    assert complete_sets(tmp_path / "here") == {"here": places[0]}
    assert complete_sets(tmp_path) == {"here": places[0], "b": places[1]}  # f: four levels down
    assert complete_sets(tmp_path / "c") == {}
    assert complete_sets(tmp_path / "c" / "d") == {"f": places[2]}
    for index in (0, 1):
        chunk_path(tmp_path / "here", index).rename(tmp_path / "away.npz")
        assert complete_sets(tmp_path) == {"b": places[1]}
        (tmp_path / "away.npz").rename(chunk_path(tmp_path / "here", index))
    assert complete_sets(tmp_path)["here"] == places[0]


def test_a_chunk_of_another_set_is_refused(folder):
    head = write_sweep(folder)
    write_chunk(folder, 1, "other", columns(np.arange(2)))
    assert read_chunk(folder, 0, head)["row_ids"][0] == 1000
    with pytest.raises(InputError, match=r"chunk-00001\.npz: this chunk belongs to another set"):
        read_chunk(folder, 1, head)


def test_a_missing_chunk_is_counted_from_one(folder):
    head = write_sweep(folder)
    chunk_path(folder, 0).unlink()
    with pytest.raises(InputError, match="expected chunk 1 of 2, found no such file"):
        read_chunk(folder, 0, head)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a chunk", None])
def test_a_damaged_chunk_is_refused(folder, content):
    head = write_sweep(folder)
    path = chunk_path(folder, 1)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if content is None else content)
    with pytest.raises(InputError, match=r"chunk-00001\.npz: this chunk is damaged \(\w+: "):
        read_chunk(folder, 1, head)


def test_a_chunk_of_python_objects_is_damaged(folder):
    """Loading them could run code of whoever made the file."""
    head = write_sweep(folder)
    objects = np.array([{}], object)
    np.savez(chunk_path(folder, 1), key=np.array("key"), row_ids=objects)
    with pytest.raises(InputError, match=r"chunk-00001\.npz: this chunk is damaged"):
        read_chunk(folder, 1, head)


def test_a_chunk_without_a_key_is_damaged(folder):
    head = write_sweep(folder)
    np.savez(chunk_path(folder, 1), row_ids=np.arange(2))
    with pytest.raises(InputError, match=r"chunk-00001\.npz: this chunk is damaged"):
        read_chunk(folder, 1, head)


def test_a_folder_without_a_manifest_is_no_set(folder):
    with pytest.raises(InputError, match="expected a set of attacked images, found no such file"):
        read_header(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected the manifest of a set"),
        ("[]", "expected the manifest of a set"),
        ("[" * 100_000, "expected the manifest of a set"),
        ('{"schema_version": 1}', "expected the manifest of a set"),
        ('{"schema_version": 1, "spec": 3}', "expected the manifest of a set"),
        ('{"schema_version": 2}', "expected schema version 1, found 2"),
        ("{}", "expected schema version 1, found None"),
    ],
)
def test_other_manifests_are_refused(folder, text, words):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_header(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
