"""Mailbox, tracks, repeater, blinks and the two-class view, each alone."""

from copy import copy
from threading import Thread

import numpy as np
import pytest

from datasets.base.errors import InputError
from faces.box import Box
from fer_models.smoothing.repeater import Repeater
from live.blinks import BlinkCounter
from live.mailbox import Mailbox
from live.model_loader import ModelLoader
from live.towards import towards
from live.tracking import Tracker


def test_newest_item_wins_and_the_rest_is_counted():
    box = Mailbox()
    for item in (1, 2, 3):
        box.put(item)
    assert box.take() == 3
    assert box.dropped == 2


def test_closing_wakes_the_reader():
    box, answers = Mailbox(), []
    reader = Thread(target=lambda: answers.append(box.take()))
    reader.start()
    box.close()
    reader.join(5)
    assert answers == [None]


def test_reader_does_not_wait_for_ever():
    assert Mailbox().take(0.01) is None


def test_tracks_follow_overlap_not_order():
    tracker, a, b = Tracker(), Box(0, 0, 10, 10), Box(50, 0, 10, 10)
    assert [t.number for t in tracker.update([a, b], 0.0)] == [1, 2]
    assert [t.number for t in tracker.update([Box(51, 0, 10, 10), Box(1, 0, 10, 10)], 0.1)] == [
        2,
        1,
    ]


def test_shown_box_goes_half_way():
    tracker = Tracker()
    tracker.update([Box(0, 0, 10, 10)], 0.0)
    (track,) = tracker.update([Box(2, 0, 10, 12)], 0.1)
    assert (track.box.x, track.box.height) == (1, 11)  # (0 + 2) / 2, (10 + 12) / 2


@pytest.mark.parametrize(
    ("gone", "numbers"),
    [
        ([0.04 * i for i in range(1, 13)], [1, 1]),  # 25 frames per second: 0.48 s without the face
        ([0.04 * i for i in range(1, 15)], [1, 2]),  # 0.56 s
        ([0.01 * i for i in range(1, 50)], [1, 1]),  # 100 frames per second: 0.49 s
        ([0.5], [1, 1]),  # two frames per second: one missed frame is forgiven
        ([0.5, 1.0], [1, 2]),
        ([0.2, 0.4], [1, 1]),  # five frames per second
        ([0.2, 0.4, 0.6], [1, 2]),
        ([1.0], [1, 2]),  # one frame per second: it is away for two
        ([3600.0], [1, 2]),
    ],
)
def test_missed_face_keeps_its_number_for_half_a_second_at_any_frame_rate(gone, numbers):
    tracker, box = Tracker(), Box(0, 0, 10, 10)
    first = tracker.update([box], 0.0)[0].number
    for seconds in gone:
        tracker.update([], seconds)
    assert [first, tracker.update([box], gone[-1] + gone[0])[0].number] == numbers


def test_missed_face_is_another_one_if_the_next_frame_is_late():
    tracker, box = Tracker(), Box(0, 0, 10, 10)
    for boxes, seconds in (([box], 0.0), ([], 0.04), ([box], 60.0)):
        found = tracker.update(boxes, seconds)
    assert found[0].number == 2


def test_face_keeps_its_number_in_frames_that_are_far_apart():
    """A slow attack may take seconds per frame."""
    tracker, box = Tracker(), Box(0, 0, 10, 10)
    assert [tracker.update([box], 5.0 * i)[0].number for i in range(3)] == [1, 1, 1]


def test_label_changes_after_three_in_a_row():
    repeater = Repeater()
    assert [repeater.update(p, 3) for p in (0, 1, 1, 0, 1, 1, 1, 0)] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_repeat_of_one_shows_every_prediction():
    repeater = Repeater()
    assert [repeater.update(p, 1) for p in (0, 1, 2)] == [0, 1, 2]


def blinks(ratios, rate=30):
    counter = BlinkCounter()
    for i, ratio in enumerate(ratios):
        counter.update(ratio, i / rate)
    return counter.count


def test_short_closings_are_blinks():
    once = [0.3] * 20 + [0.1] * 4
    assert blinks(once * 2 + [0.3]) == 2


def test_smiling_eyes_below_the_published_threshold_are_no_blink():
    assert blinks([0.24, 0.245] * 30) == 0


def test_eyes_closed_for_two_seconds_are_no_blink():
    assert blinks([0.3] * 60 + [0.1] * 60 + [0.3]) == 0


def test_two_class_view_leads_exactly_where_the_target_wins(models):
    classifier = models.wait("tiny.fer")
    images = np.random.default_rng(0).random((6, 48, 48, 1), np.float32)
    logits = classifier.logits(images)
    for target in range(7):
        two = towards(classifier, target).logits(images)
        others = np.delete(logits, target, axis=1).max(axis=1)
        np.testing.assert_allclose(two, np.stack([others, logits[:, target]], 1), rtol=1e-6)


def test_two_class_gradients_agree_with_the_logits(models):
    """Symbolic and numeric answers are the same function."""

    view = models.view(models.wait("tiny.fer"), "happy")
    images = np.random.default_rng(1).random((3, 48, 48, 1), np.float32)
    np.testing.assert_allclose(view.attacked_logits(images), view.logits(images), rtol=1e-5)
    assert models.view(models.wait("tiny.fer"), "happy") is view


def test_training_and_shipped_net_of_one_id_are_told_apart(models, monkeypatch):
    """A training's card has the id of the architecture, as the shipped net's has."""
    monkeypatch.setattr("live.model_loader.WARM_SIZES", ())
    monkeypatch.setattr("live.model_loader.zoo.load", lambda model: copy(models.wait("tiny.fer")))
    twins = ModelLoader(["twin.fer", "training/twin.fer"])
    both = [twins.wait(model) for model in twins.ids]
    assert [classifier.id for classifier in both] == twins.ids
    assert [twins.view(classifier, "happy").inner for classifier in both] == both


def test_defence_of_the_list_stands_behind_an_id_and_nothing_else_does(monkeypatch):
    monkeypatch.setattr("live.model_loader._load", lambda model: model)
    models = ModelLoader(["a.fer", "b.fer+bits3"])
    for model in ("a.fer+jpeg75", "b.fer+bits3", "b.fer+bits3+jpeg75"):
        assert models.wait(model) == model
    for model in ("a.fer+jpeg1", "a.fer+jpeg75+jpeg75", "b.fer", "b.fer+jpeg75", "a.fer+", "+"):
        with pytest.raises(InputError, match="no model"):
            models.ask(model)


def test_counterpart_is_the_other_label_set(models):
    assert models.counterpart("tiny.fer") == "tiny.ferplus"
    assert models.counterpart("tiny.ferplus") == "tiny.fer"
    assert models.counterpart("other.fer") == ""
