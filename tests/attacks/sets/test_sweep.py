"""Sets: made chunk by chunk, continued after a kill, read back, repaired when damaged."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from attacks.base import Keys
from attacks.corruptions.noise.gaussian_noise import GaussianNoise
from attacks.pgd import PGD
from attacks.registry import attack_spec, corruption_spec
from attacks.sets.contents import TransferSet
from attacks.sets.store import chunk_path, complete_sets, open_set
from attacks.sets.sweep import SetPlan, make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import TOLERANCE, Norm, distance
from attacks.transfer import Transfer
from datasets.base.errors import InputError
from tests.attacks import tiny
from tests.attacks.sets.sweep_process import SPEC, make

ROOT = Path(__file__).parents[3]
ARRAYS = ("row_ids", "labels", "smallest_eps", "images", "image_rows", "forward", "backward")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sets") / "finished")


def same(one, other):
    return all(
        np.asarray(getattr(one, name)).tobytes() == np.asarray(getattr(other, name)).tobytes()
        for name in (*ARRAYS, "zero_gradients")
    )


def faces(count):
    return CleanFaces(tiny.images(count), np.arange(count), "faces")


def corrupt(directory, count=120, severities=(1, 3, 5), **options):
    spec = corruption_spec("gaussian_noise", severities, **options)
    return SetPlan.corrupted(faces(count), spec, directory).make(None, None)


def test_the_smallest_eps_that_broke_each_image(finished):
    clean, classifier = tiny.images(250), tiny.conv(7)
    assert (finished.smallest_eps[:20] == 0).all()
    counts = [np.sum(finished.smallest_eps == eps) for eps in SPEC.grid]
    assert min(counts) > 10 and np.isnan(finished.smallest_eps).sum() > 0
    assert len(finished.images) == sum(counts)
    at = finished.smallest_eps[finished.image_rows]
    sizes = distance(finished.images[:], clean[finished.image_rows], Norm.LINF)
    assert (sizes <= at * (1 + TOLERANCE)).all()
    predicted = classifier.predict(finished.images)
    assert (predicted != finished.labels[finished.image_rows]).all()
    assert finished.backward[:20].sum() == 0 and finished.backward[20:].min() >= 1


def test_success_never_falls_with_eps_and_is_what_the_images_say(finished):
    assert (finished.success[:, 0] <= finished.success[:, 1]).all()
    clean, classifier = tiny.images(250), tiny.conv(7)
    for e, eps in enumerate(SPEC.grid):
        wrong = classifier.predict(finished.attacked(clean, eps)) != finished.labels
        np.testing.assert_array_equal(wrong, finished.success[:, e])
    np.testing.assert_array_equal(finished.attacked(clean, 0.0), clean)


def test_lines_for_people(finished):
    right = 230
    broken = int(finished.success[20:, 1].sum())
    assert finished.lines()[1].startswith(f"pgd linf 0.02: {broken} of {right} broken, ")


def test_a_finished_set_is_read_back_and_reused(finished, tmp_path):
    first = make(tmp_path / "again")
    assert same(first, finished) and first.reused_chunks == 0
    seen = []
    again = make(tmp_path / "again", lambda done, count: seen.append((done, count)))
    assert same(again, finished) and again.reused_chunks == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert same(open_set(tmp_path / "again"), finished)


def test_a_missing_chunk_is_made_again(finished, tmp_path):
    make(tmp_path)
    chunk_path(tmp_path, 1).unlink()
    resumed = make(tmp_path)
    assert resumed.reused_chunks == 2 and same(resumed, finished)


def test_a_killed_run_goes_on_with_the_same_arrays(finished, tmp_path):
    command = [sys.executable, "-m", "tests.attacks.sets.sweep_process", str(tmp_path / "set")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.kill()
    assert line.strip() == "chunk 1 of 3" and process.returncode == -9
    assert complete_sets(tmp_path) == {}
    resumed = make(tmp_path / "set")
    assert resumed.reused_chunks >= 1 and same(resumed, finished)


def test_sets_are_found_by_key(finished, tmp_path):
    run = tmp_path / "run"
    made = make(run / "sets" / "one")
    (run / "manifest.json").write_text('{"schema_version": 1}')  # a run's own manifest
    assert complete_sets(run) == {made.header.key: run / "sets" / "one"}
    assert complete_sets(run / "sets" / "one") == {made.header.key: run / "sets" / "one"}
    chunk_path(run / "sets" / "one", 2).unlink()
    assert complete_sets(run) == {}


def test_a_folder_of_another_set_is_refused(tmp_path):
    corrupt(tmp_path)
    with pytest.raises(InputError, match="holds a set of other data, weights, settings"):
        corrupt(tmp_path, seed=1)


def test_a_chunk_of_another_set_is_refused(tmp_path):
    corrupt(tmp_path / "one")
    corrupt(tmp_path / "two", seed=1)
    chunk_path(tmp_path / "two", 0).replace(chunk_path(tmp_path / "one", 0))
    with pytest.raises(InputError, match=r"chunk-00000.npz: this chunk belongs to another set"):
        open_set(tmp_path / "one")


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_damaged_chunk_is_named_in_one_line(tmp_path, damage):
    corrupt(tmp_path)
    path = chunk_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 255
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "flipped": data}[damage])
    with pytest.raises(InputError, match=r"chunk-00001.npz: this chunk is damaged") as error:
        open_set(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "shorter", "other"])
def test_a_damaged_chunk_is_made_again(tmp_path, damage):
    before = corrupt(tmp_path, count=220).images[:].tobytes()
    path, other = chunk_path(tmp_path, 1), chunk_path(tmp_path, 0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    flipped = bytes([*data[:middle], data[middle] ^ 1, *data[middle + 1 :]])
    shorter = bytes(data).replace(b"(100, 3, 8, 8, 1)", b"(000, 3, 8, 8, 1)")  # one bit
    assert shorter != data
    left = {"cut": data[:middle], "empty": b"", "flipped": flipped, "shorter": shorter}
    path.write_bytes({**left, "other": other.read_bytes()}[damage])
    told: list[str] = []
    spec = corruption_spec("gaussian_noise", (1, 3, 5))
    plan = SetPlan.corrupted(faces(220), spec, tmp_path)
    made = plan.make(None, None, told.append)
    assert made.reused_chunks == 2 and made.images[:].tobytes() == before
    (line,) = told
    assert line.startswith(f"{path}: damaged (") and line.endswith("), so it is made again")
    assert open_set(tmp_path).images[:].tobytes() == before


def test_an_unfinished_set_is_refused(tmp_path):
    corrupt(tmp_path)
    chunk_path(tmp_path, 1).unlink()
    with pytest.raises(InputError, match="expected chunk 2 of 2, found no such file"):
        open_set(tmp_path)


@pytest.mark.parametrize("version", [0, 2, None])
def test_an_unknown_schema_version_is_refused(tmp_path, version):
    corrupt(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": version}))
    with pytest.raises(InputError, match=f"expected schema version 1, found {version}"):
        open_set(tmp_path)


def test_an_unknown_norm_is_refused(tmp_path):
    corrupt(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"norm": null', '"norm": "l9"'))
    with pytest.raises(InputError, match=r"expected the manifest of a set, found .*'l9'"):
        open_set(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}'])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest.json: expected the manifest of a set"):
        open_set(tmp_path)


def test_a_folder_without_a_set_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a set of attacked images, found no such file"):
        open_set(tmp_path)


def test_no_images_make_no_set(tmp_path):
    with pytest.raises(InputError, match="a set needs at least one image"):
        corrupt(tmp_path, count=0)


def test_corrupted_sets_hold_every_severity(tmp_path):
    made = corrupt(tmp_path, count=120, severities=(0, 2))
    images = tiny.images(120)
    assert made.severities == (0, 2) and made.images.shape == (120, 2, 8, 8, 1)
    np.testing.assert_array_equal(made.images[:][:, 0], images)
    alone = GaussianNoise()(images, 2, Keys(0, np.arange(120)))
    np.testing.assert_array_equal(made.images[:][:, 1], alone)
    (line,) = made.lines()
    assert line.startswith("gaussian_noise severity ")
    assert ": 120 images each, " in line
    again = corrupt(tmp_path, count=120, severities=(0, 2))
    assert again.reused_chunks == 2
    np.testing.assert_array_equal(again.images, made.images)


def test_an_attack_that_dies_loses_no_finished_chunk(tmp_path):
    made = []

    def stop(done, count):
        made.append(done)
        if done == 2:
            raise RuntimeError("died")

    with pytest.raises(RuntimeError, match="died"):
        make(tmp_path, stop)
    assert make(tmp_path).reused_chunks == 2


def test_eps_zero_in_the_grid_is_clean(tmp_path):
    classifier, images = tiny.conv(7), tiny.images(30)
    labels = classifier.predict(images)
    labels[0] = (labels[0] + 1) % 7
    spec = attack_spec("pgd", Norm.LINF, (0.0, 0.05), "tiny")
    made = make_adversarial_set(AttackTask(classifier, faces(30), labels, spec), tmp_path)
    assert made.success[:, 0].sum() == 1 and made.success[:, 1].sum() > 10


def test_the_header_says_what_the_set_is(finished):
    header = finished.header
    assert header.classes == tuple(f"class{i}" for i in range(7))
    assert header.source == "conv" and header.image_shape == (8, 8, 1) and header.count == 250


def on_120(labels, spec):
    return AttackTask(tiny.conv(7), faces(120), labels, spec)


def for_others(task, directory, before=None):
    plan = SetPlan.attacked(task, directory, before, transfer_set=True)
    return plan.make(task.classifier, None)


def transfer(directory, grid=(0.05,), **options):
    spec = attack_spec("transfer", Norm.LINF, grid, "any", steps=2, **options)
    return for_others(on_120(np.arange(120) % 7, spec), directory)


def test_images_for_other_models_are_kept_at_full_eps_and_go_on_after_a_kill(tmp_path):
    made = transfer(tmp_path / "set")
    moved = np.abs(made.images[:] - tiny.images(120)).max(axis=(1, 2, 3))
    assert (moved > 0.0499).all()  # those that were wrong before, too
    assert (made.backward == 2).all() and made.seconds.shape == (1,)
    assert made.lines()[0].startswith("transfer linf 0.05: 120 images for other models")
    chunk_path(tmp_path / "set", 1).unlink()
    again = transfer(tmp_path / "set")
    assert again.images[:].tobytes() == made.images[:].tobytes() and again.reused_chunks == 1
    read = open_set(tmp_path / "set")
    assert isinstance(read, TransferSet) and read.images[:].tobytes() == made.images[:].tobytes()


def test_images_for_other_models_have_a_key_of_their_own(tmp_path):
    kept = transfer(tmp_path / "kept")
    swept = make_adversarial_set(on_120(np.arange(120) % 7, kept.spec), tmp_path / "swept")
    assert kept.spec == swept.spec and kept.header.key != swept.header.key


def test_images_for_other_models_are_made_at_one_eps(tmp_path):
    with pytest.raises(ValueError, match="an attack at one eps"):
        transfer(tmp_path, grid=(0.1, 0.2))


def test_a_face_of_the_same_label_is_attacked_once(finished, tmp_path, monkeypatch):
    rows = np.arange(10, 250)  # the set before lacks ten faces, and has another label for a third
    labels = finished.labels.copy()
    labels[::3] = (labels[::3] + 1) % 7
    before = make_adversarial_set(
        AttackTask(
            tiny.conv(7), CleanFaces(tiny.images(250)[rows], rows, "fewer"), labels[rows], SPEC
        ),
        tmp_path / "before",
    )
    asked = []
    attack = PGD._attack

    def listen(self, classifier, images, labels, keys):
        asked.extend(keys.row_ids)
        return attack(self, classifier, images, labels, keys)

    monkeypatch.setattr(PGD, "_attack", listen)
    after = make(tmp_path / "after", before=before)
    assert asked and set(asked) <= set(range(0, 250, 3))
    for name in ("smallest_eps", "image_rows", "forward", "backward", "zero_gradients"):
        np.testing.assert_array_equal(getattr(after, name), getattr(finished, name))
    np.testing.assert_allclose(after.images, finished.images, atol=1e-6)
    taken = {int(row): i for i, row in enumerate(rows[before.image_rows]) if row % 3}
    for row, image in zip(after.image_rows, after.images, strict=True):
        if row in taken:
            assert image.tobytes() == before.images[taken[row]].tobytes()
    assert same(open_set(tmp_path / "after"), after)


def test_images_for_other_models_are_made_once_for_the_same_label(tmp_path, monkeypatch):
    first = transfer(tmp_path / "first")
    spec = first.spec
    monkeypatch.setattr(Transfer, "_attack", lambda *_: pytest.fail("attacked again"))
    labels = np.arange(120) % 7
    again = for_others(
        AttackTask(
            tiny.conv(7),
            CleanFaces(tiny.images(120)[30:], np.arange(30, 120), "fewer"),
            labels[30:],
            spec,
        ),
        tmp_path / "again",
        before=first,
    )
    assert again.images[:].tobytes() == first.images[30:].tobytes()
    np.testing.assert_array_equal(again.backward, first.backward[30:])
    other = labels.copy()
    other[40] = (other[40] + 1) % 7
    with pytest.raises(pytest.fail.Exception, match="attacked again"):
        for_others(on_120(other, spec), tmp_path / "other", before=first)
