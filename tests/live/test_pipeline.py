"""Frames through the pipeline: numbers that stay, answers clean and attacked, notes."""

from concurrent.futures import Future
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from faces.box import Box
from fer_models.contract import Contract
from fer_models.defences.base import defend
from fer_models.defences.jpeg import Jpeg
from fer_models.keras_classifier import wrap
from live.engine import Engine
from live.model_loader import ModelLoader
from live.pipeline import SEARCH_EVERY, Pipeline, Tools
from live.server.answers import face_json
from live.settings import Settings, parse_settings


@pytest.fixture(scope="module")
def tools():
    return Tools()


@pytest.fixture
def pipeline(models, tools):
    return Pipeline(models, tools)


def settings(**values):
    return Settings(model="tiny.fer", **values)


def test_face_is_found_and_read_by_both_classifiers(pipeline, portrait):
    reading = pipeline.read(portrait, settings(second="tiny.ferplus"), 0.0)
    (face,) = reading.faces
    assert (reading.width, reading.height, reading.note) == (256, 256, "")
    assert 60 < face.box.width < 200
    assert [a.model for a in face.answers] == ["tiny.fer", "tiny.ferplus"]
    assert [len(a.probabilities) for a in face.answers] == [7, 8]
    assert face.answers[0].probabilities.sum() == pytest.approx(1)
    assert face.attacked is None and not face.flipped


def test_face_keeps_its_number_when_it_moves_and_gets_a_new_one_after_a_break(pipeline, portrait):
    moved = np.roll(portrait, 6, axis=1)
    empty = np.full_like(portrait, 128)
    first = pipeline.read(portrait, settings(), 0.0).faces[0].number
    assert pipeline.read(moved, settings(), 0.1).faces[0].number == first
    for seconds in (0.2, 0.4, 0.7):
        assert pipeline.read(empty, settings(), seconds).faces == ()
    assert pipeline.read(portrait, settings(), 0.8).faces[0].number == first + 1


def test_known_face_is_followed_where_it_was_and_a_new_one_is_found_soon(pipeline, portrait):
    empty = np.full_like(portrait, 128)
    one, two = np.concatenate([portrait, empty], 1), np.concatenate([portrait, portrait], 1)
    boxes = [pipeline.read(one, settings(), 0.0).faces[0].box for _ in range(6)]
    for box in boxes[1:]:
        assert box.iou(boxes[0]) > 0.8
    counts = [len(pipeline.read(two, settings(), 0.0).faces) for _ in range(SEARCH_EVERY)]
    assert counts[-1] == 2
    assert pipeline.read(np.concatenate([empty, empty], 1), settings(), 0.0).faces == ()


def test_two_faces_or_the_largest_alone(pipeline, portrait):
    pair = np.concatenate([portrait, portrait], axis=1)
    assert len(pipeline.read(pair, settings(), 0.0).faces) == 2
    assert len(pipeline.read(pair, settings(many=False), 0.0).faces) == 1


def test_face_that_comes_nearer_is_first_before_the_next_search(pipeline, portrait):
    """Both are found in the first frame, then followed: the second grows, the first shrinks."""
    small, large = (cv2.resize(portrait, (side, side)) for side in (224, 256))

    def pair(left, right):
        image = np.full((256, 512, 3), 128, np.uint8)
        for x, face in ((0, left), (256, right)):
            image[: len(face), x : x + len(face)] = face
        return image

    first = pipeline.read(pair(large, small), settings(), 0.0).faces
    for _ in range(SEARCH_EVERY - 1):
        after = pipeline.read(pair(small, large), settings(), 0.1).faces
        areas = [face.box.area for face in after]
        assert areas == sorted(areas, reverse=True)
    assert [face.number for face in first] == [1, 2]
    assert [face.number for face in after] == [2, 1]
    (alone,) = pipeline.read(pair(small, large), settings(many=False), 0.2).faces
    assert alone.number == 2


def test_another_detector_or_more_faces_search_the_whole_frame_at_once(pipeline, portrait):
    """A picture is read once for each change: there is no next frame that would be searched."""
    pair = np.concatenate([portrait, portrait], axis=1)
    pipeline.read(pair, settings(many=False), 0.0)
    assert len(pipeline.read(pair, settings(), 0.1).faces) == 2
    other = settings(detector="blazeface")
    found = {face.box.x: face.box for face in pipeline.read(pair, other, 0.2).faces}
    fresh = Pipeline(pipeline._models, pipeline._tools).read(pair, other, 0.0).faces
    assert found == {face.box.x: face.box for face in fresh}


def test_faces_of_another_picture_are_not_looked_for_where_the_last_ones_were(pipeline, portrait):
    empty = np.full_like(portrait, 128)
    one, two = (
        np.concatenate([portrait, empty], 1),
        np.concatenate([np.roll(portrait, 9, 1)] * 2, 1),
    )
    (last,) = pipeline.read(one, settings(), 0.0).faces
    pipeline.forget()
    faces = pipeline.read(two, settings(), 0.1).faces
    fresh = Pipeline(pipeline._models, pipeline._tools).read(two, settings(), 0.0).faces
    assert {face.box.x for face in faces} == {face.box.x for face in fresh} and len(faces) == 2
    assert last.number not in {face.number for face in faces}


class _Told:
    """A detector that knows where the faces are; the image's pixels say where they lie in it."""

    def __init__(self, *boxes):
        self.boxes = boxes

    def detect(self, image):
        top, left = image[0, 0, :2].tolist()
        return [Box(box.x - left, box.y - top, box.width, box.height) for box in self.boxes]

    def frame(self, box):
        return box


def test_one_face_where_two_were_is_counted_once(pipeline, monkeypatch):
    """It is found around either of them, before the next search of the whole frame."""
    rows, columns = np.mgrid[:240, :240]
    image = np.dstack([rows, columns, rows]).astype(np.uint8)
    pair, middle = [Box(40, 60, 60, 60), Box(70, 60, 60, 60)], Box(55, 60, 60, 60)
    numbers = []
    for boxes in (pair, [middle], [middle]):
        told = _Told(*boxes)
        monkeypatch.setattr(pipeline._tools, "detector", lambda *options, told=told: told)
        tracks, _ = pipeline._find(image, settings(), 0.04 * len(numbers))
        numbers.append(len(tracks))
    assert numbers == [2, 1, 1]


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd", "square", "noise"])
def test_attack_stays_within_eps(pipeline, portrait, attack):
    reading = pipeline.read(portrait, settings(attack=attack, eps=3, steps=3), 0.0)
    (face,) = reading.faces
    change = np.abs(face.attacked.astype(float) - face.clean)
    assert 0 < change.max() <= 3 / 255 * (1 + 1e-6)
    assert len(face.attacked_answers) == 1
    assert {"find", "read", "attack"} <= set(reading.milliseconds)


def test_glasses_are_printed_in_any_grey_around_the_eyes(pipeline, portrait):
    (face,) = pipeline.read(portrait, settings(attack="pgd_glasses", eps=3, steps=3), 0.0).faces
    change = np.abs(face.attacked - face.clean)[..., 0]
    assert change.max() > 0.2
    assert not change[36:].any()


def test_universal_is_learnt_ahead_and_the_same_for_every_face(new_shelf, tools, portrait):
    pipeline = Pipeline(new_shelf, tools)
    settings = parse_settings({"model": "tiny.fer", "attack": "universal", "eps": 8})
    waiting = pipeline.read(portrait, settings, 0.0)
    assert "Computing the universal attack" in waiting.note and waiting.busy
    precomputed = new_shelf.wait_precomputed(new_shelf.wait("tiny.fer"), "universal")
    reading = pipeline.read(portrait, settings, 0.1)
    face = reading.faces[0]
    assert (reading.note, reading.busy) == ("", False)
    np.testing.assert_array_equal(face.attacked, precomputed.apply(face.clean[None], 8 / 255)[0])


def test_sticker_towards_a_label_covers_a_square_and_stays_where_it_is(pipeline, models, portrait):
    settings = parse_settings({"model": "tiny.fer", "attack": "sticker", "target": "fear"})
    models.wait_precomputed(models.view(models.wait("tiny.fer"), "fear"), "sticker")
    first, again = (pipeline.read(portrait, settings, t).faces[0] for t in (0.0, 0.1))
    assert first.number == again.number
    places = [np.argwhere(face.attacked != face.clean) for face in (first, again)]
    assert all(np.ptp(place[:, :2], axis=0).max() < 14 for place in places)  # 0.3 of 48 pixels
    np.testing.assert_array_equal(places[0].min(axis=0), places[1].min(axis=0))


def test_strong_attack_flips_and_is_counted(pipeline, portrait):
    for _ in range(2):
        (face,) = pipeline.read(portrait, settings(attack="pgd", eps=16), 0.0).faces
    assert face.flipped and face.flips == 2
    assert face.attacked_answers[0].label != face.answers[0].label


def test_another_attack_counts_from_zero_and_no_label_of_the_last_is_held(pipeline, portrait):
    strong = settings(attack="pgd", eps=16, repeat=5)
    for _ in range(2):
        (face,) = pipeline.read(portrait, strong, 0.0).faces
    assert face.flips == 2
    (face,) = pipeline.read(portrait, settings(attack="noise", eps=0, repeat=5), 0.1).faces
    assert face.flips == 0
    assert face.attacked_answers[0].label == face.attacked_answers[0].predicted


def test_labels_that_the_repeater_holds_are_not_called_flipped(pipeline, portrait):
    (face,) = pipeline.read(portrait, settings(attack="noise", eps=0), 0.0).faces
    held = face.answers[0]
    other = next(name for name in held.classes if name != held.label)
    after = replace(held, probabilities=np.eye(7)[held.classes.index(other)])
    changed = replace(face, attacked_answers=(after,))
    assert changed.flipped and not face_json(changed)["flipped"]


def test_target_is_reached(pipeline, portrait):
    clean = pipeline.read(portrait, settings(), 0.0).faces[0].answers[0].predicted
    target = "fear" if clean != "fear" else "sad"
    asked = settings(attack="pgd", eps=32, steps=20, target=target)
    (face,) = pipeline.read(portrait, asked, 0.0).faces
    assert face.attacked_answers[0].predicted == target


def test_corruption_has_a_severity(pipeline, portrait):
    mild, hard = (
        pipeline.read(portrait, settings(attack="gaussian_noise", severity=s), 0.0).faces[0]
        for s in (1, 5)
    )
    assert np.abs(mild.attacked - mild.clean).mean() < np.abs(hard.attacked - hard.clean).mean()


def test_landmarks_and_heat_come_when_asked(pipeline, portrait):
    (plain,) = pipeline.read(portrait, settings(), 0.0).faces
    assert plain.points is None and plain.heat is None and plain.blinks is None
    (face,) = pipeline.read(portrait, settings(landmarks=True, heat=True), 0.0).faces
    assert face.points.shape == (468, 2) and face.blinks == 0
    assert face.heat.shape == (48, 48)


def test_heat_of_a_net_without_maps_is_a_note_and_the_attack_goes_on(models, tools, portrait):
    inputs = keras.Input((48, 48, 1))
    net = keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(inputs)))
    dense = ModelLoader(["dense.fer"])
    dense.add(wrap(net, Contract(48, 48, 1, FER7), model_id="dense.fer"))
    asked = Settings(model="dense.fer", heat=True, attack="fgsm")
    reading = Pipeline(dense, tools).read(portrait, asked, 0.0)
    assert "No Grad-CAM" in reading.note and not reading.busy
    assert reading.faces[0].heat is None and reading.faces[0].attacked_answers


def test_heat_behind_a_defence_is_a_note(models, tools, portrait):
    asked = settings(heat=True, defence="jpeg75")
    defended = ModelLoader(["tiny.fer"])
    defended.add(defend(models.wait("tiny.fer"), Jpeg(75), "jpeg75"))
    reading = Pipeline(defended, tools).read(portrait, asked, 0.0)
    assert "No Grad-CAM: tiny.fer+jpeg75" in reading.note
    assert reading.faces[0].heat is None


def test_what_the_page_asks_for_when_it_opens_is_loaded_before(models):
    asked = []

    class Asked(ModelLoader):
        def ask(self, model):
            asked.append(model)
            return models.ask(model)

    engine = Engine(Asked(models.ids))
    engine.warm()
    settings = Settings()
    engine.run(lambda: None)  # after the first search
    assert set(asked) == {"tiny.fer", "tiny.ferplus"}
    assert engine._tools.detector.cache_info().currsize == 1
    engine._tools.detector(settings.detector, settings.both_eyes)
    assert engine._tools.detector.cache_info().currsize == 1  # the one of the page


def test_what_is_being_loaded_makes_the_answer_busy(models, tools, portrait):
    loading = ModelLoader(["tiny.fer", "slow.fer"])
    loading.add(models.wait("tiny.fer"))
    loading._loads["slow.fer"] = Future()
    asked = settings(second="slow.fer", attack="fgsm", target="bored")
    reading = Pipeline(loading, tools).read(portrait, asked, 0.0)
    assert "no class 'bored'" in reading.note and reading.busy


def test_second_classifier_never_answers_in_place_of_the_first(models, tools, portrait):
    loading = ModelLoader(["slow.fer", "tiny.fer"])
    loading.add(models.wait("tiny.fer"))
    loading._loads["slow.fer"] = Future()
    pipeline = Pipeline(loading, tools)
    asked = Settings(model="slow.fer", second="tiny.fer", attack="fgsm")
    reading = pipeline.read(portrait, asked, 0.0)
    assert (reading.faces, reading.note) == ((), "Loading slow.fer …") and reading.busy
    loading._loads["slow.fer"].set_result(models.wait("tiny.ferplus"))
    (face,) = pipeline.read(portrait, asked, 0.1).faces
    assert [answer.model for answer in face.answers] == ["tiny.ferplus", "tiny.fer"]


def test_unknown_target_is_a_note_and_the_clean_answer_stands(pipeline, portrait):
    reading = pipeline.read(portrait, settings(attack="fgsm", target="bored"), 0.0)
    assert "no class 'bored'" in reading.note
    assert reading.faces[0].answers and reading.faces[0].attacked is None


def test_unknown_model_is_refused(pipeline, portrait):
    with pytest.raises(InputError, match="no model 'nobody'"):
        pipeline.read(portrait, Settings(model="nobody"), 0.0)


def test_both_eyes_filter_is_passed_on(pipeline, portrait):
    covered = portrait.copy()
    assert pipeline.read(covered, settings(both_eyes=True), 0.0).faces
    face = pipeline.read(covered, settings(), 0.0).faces[0].box
    top, left = int(face.y + face.height * 0.2), int(face.x)
    covered[top : top + int(face.height * 0.35), left : left + int(face.width / 2)] = 90
    found = pipeline.read(covered, settings(both_eyes=True), 0.0).faces
    assert found == ()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"eps": 33}, "`eps`"),
        ({"eps": float("nan")}, "`eps`"),
        ({"attack": "hug"}, "`attack`"),
        ({"defence": "jpeg1"}, "`defence`"),
        ({"detector": "eyes"}, "`detector`"),
        ({"repeat": 11}, "`repeat`"),
        ({"severity": 0}, "`severity`"),
        ({"colour": "red"}, "`colour`"),
        ("{", "Invalid JSON"),
        ("[]", "`settings`"),
    ],
)
def test_settings_are_checked(values, reason):
    with pytest.raises(InputError, match=reason) as caught:
        parse_settings(values)
    assert "\n" not in str(caught.value)


def test_defence_stands_before_both_models():
    chosen = Settings(model="a.fer", second="a.ferplus", defence="jpeg75")
    assert chosen.models == ("a.fer+jpeg75", "a.ferplus+jpeg75")
    assert Settings(model="a.fer", second="a.fer").models == ("a.fer",)
