"""Asking a service: what is sent, what is read, and what happens when it fails."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models.classifier import ModelError
from fer_models.services.client import BACKOFF, MOST_BYTES
from fer_models.services.service_file import read_service_file
from tests.fer_models.services.asking import IMAGES, WANTED, Clock, many, one, opened
from tests.fer_models.services.server import (
    CLASSES,
    Fault,
    serving,
    softmax_of_pixels,
    write_service,
)


def by_name(images: list[np.ndarray]) -> Any:
    scores = dict(zip(CLASSES, softmax_of_pixels(images[0])))
    return {"scores": {name.upper(): scores[name] for name in sorted(scores)}}


def hugging_face(images: list[np.ndarray]) -> Any:
    scores = sorted(zip(softmax_of_pixels(images[0]), CLASSES), reverse=True)
    return [{"label": name, "score": share} for share, name in scores]


def percentages(images: list[np.ndarray]) -> Any:
    return {"scores": [100 * share for share in softmax_of_pixels(images[0])]}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (one, {}),
        (one, {"send": "multipart", "field": "face"}),
        (one, {"send": "base64"}),
        (one, {"send": "pixels"}),
        (one, {"height": 8, "send": "base64", "body": {"top_k": 7, "image": "$image"}}),
        (many, {"scores": "predictions[*].scores"}),
        (many, {"scores": "predictions[0].scores"}),
        (many, {"scores": "predictions[*].scores", "send": "multipart", "batch": 4}),
        (
            many,
            {
                "scores": "predictions[*].scores",
                "send": "pixels",
                "batch": 4,
                "body": {"instances": ["$image"]},
            },
        ),
        (
            many,
            {
                "scores": "predictions[*].scores",
                "send": "base64",
                "batch": 4,
                "body": {"instances": [{"b64": "$image"}]},
            },
        ),
        (by_name, {}),
        (hugging_face, {"scores": ""}),
        (percentages, {}),
    ],
)
def test_every_way_of_asking_sends_the_levels_and_reads_the_scores(
    tmp_path: Path, answer: Callable[..., Any], fields: dict[str, Any]
) -> None:
    with serving(answer) as server:
        service = opened(tmp_path, server, **fields)
        outputs = service.outputs(IMAGES)
    np.testing.assert_allclose(outputs, WANTED, atol=1e-12)
    assert set(server.seen) == {image.tobytes() for image in IMAGES}
    assert max(server.sizes) == min(fields.get("batch", 1), len(IMAGES))
    assert service.queries.asked == len(IMAGES)


def test_colours_and_other_scalings_of_nested_lists_arrive(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    with serving(one) as server:
        opened(tmp_path, server, channels=3).outputs(rgb)
        assert set(server.seen) == {image.tobytes() for image in rgb}
        got: list[Any] = []
        server.answer = one
        import fer_models.services.request_body as request_body

        file = read_service_file(write_service(tmp_path, server, send="pixels", low=-1.0, high=1.0))
        got = request_body._json_image(IMAGES[0], file)
    np.testing.assert_allclose(np.array(got), IMAGES[0] / 127.5 - 1, atol=1e-12)


def test_probabilities_that_are_cut_to_whole_percents_are_taken(tmp_path: Path) -> None:
    """Here 40.9, 10.9 five times and 4.6 percent, which then sum to 94."""
    shares = [40, 10, 10, 10, 10, 10, 4]
    with serving(lambda images: {"scores": shares}) as server:
        outputs = opened(tmp_path, server).outputs(IMAGES[:2])
    np.testing.assert_allclose(outputs, [np.array(shares) / 100] * 2)


def test_labels_are_one_for_the_class_that_is_named(tmp_path: Path) -> None:
    def labels(images: list[np.ndarray]) -> Any:
        best = int(np.argmax(softmax_of_pixels(images[0])))
        return {"label": CLASSES[best] if images[0][0, 0, 0] % 2 else best}

    with serving(labels) as server:
        service = opened(tmp_path, server, scores=None, output=None, label="label")
        outputs = service.outputs(IMAGES)
    assert (outputs.argmax(axis=1) == WANTED.argmax(axis=1)).all()
    assert set(outputs.ravel()) == {0.0, 1.0} and (outputs.sum(axis=1) == 1).all()


def test_a_service_that_is_busy_is_asked_again_when_it_says_so(tmp_path: Path) -> None:
    clock = Clock()
    with serving(one) as server:
        server.faults = [
            Fault(429, headers=(("Retry-After", "7"),)),
            Fault(503),
            Fault(500),
            Fault(0),
            Fault(429, headers=(("Retry-After", "soon"),)),
        ]
        service = opened(tmp_path, server, clock, parallel=1)
        outputs = service.outputs(IMAGES[:1])
    np.testing.assert_allclose(outputs, WANTED[:1])
    assert clock.pauses[0] == 7
    for place, pause in enumerate(clock.pauses[1:], 1):  # exponential, with jitter
        assert BACKOFF * 2**place <= pause <= BACKOFF * (2**place + 1)
    assert len({pause % BACKOFF for pause in clock.pauses[1:]}) > 1
    assert (service.queries.asked, service.queries.retried) == (1, 5)


@pytest.mark.parametrize(
    ("fault", "words", "requests"),
    [
        (Fault(500), "did not answer in 3 tries; the last ended with status 500", 3),
        (Fault(429), "did not answer in 3 tries; the last ended with status 429", 3),
        (Fault(0), "did not answer in 3 tries; the last ended with a connection that broke", 3),
        (Fault(429, headers=(("Retry-After", "3600"),)), "asks to wait 3600 s", 1),
        (Fault(404, b"no\nsuch \x1b[31mpage"), "status 404 with 'no such \\[31mpage'", 1),
        (Fault(401, b"key 123"), r"refuses access \(status 401\). Give", 1),
        (Fault(302, headers=(("Location", "http://127.0.0.1:1/"),)), "redirects", 1),
        (Fault(200, b"<html><body>hello</body></html>"), "must be JSON; got '<html>", 1),
        (Fault(200, b"[" * 100_000), "must be JSON", 1),
        (Fault(200, b'{"wrong": 1}'), "must have 'scores'; got ", 1),
        (Fault(200, b'[{"scores": 1}]'), "must have 'scores'; got ", 1),
        (Fault(200, b'{"scores": 1}'), "scores of an image must be a list", 1),
        (Fault(200, b'{"scores": [0.5, 0.5]}'), "names 7 classes; got 2", 1),
        (Fault(200, b'{"scores": [NaN, 1, 0, 0, 0, 0, 0]}'), "NaN or infinity", 1),
        (Fault(200, b'{"scores": [1%s, 1, 0, 0, 0, 0, 0]}' % (b"0" * 400)), "NaN or inf", 1),
        (Fault(200, b'{"scores": [true, 0, 0, 0, 0, 0, 0]}'), "must be a number; got 'true'", 1),
        (Fault(200, b'{"scores": [3, 1, 0, 0, 0, 0, 0]}'), "sum to 1", 1),
        (Fault(200, b'{"scores": [-1, 2, 0, 0, 0, 0, 0]}'), "at least 0", 1),
        (Fault(200, b'{"scores": {"angry": 1}}'), "no score for disgust, fear", 1),
        (
            Fault(200, b'{"scores": [{"label": "angry", "score": 1}, {"name": 2}]}'),
            "must have label and score",
            1,
        ),
        (Fault(200, b" " * (MOST_BYTES + 1)), "more than 4 MiB", 1),
    ],
)
def test_a_service_that_fails_is_one_line_and_no_figure(
    tmp_path: Path, fault: Fault, words: str, requests: int
) -> None:
    with serving(one) as server:
        server.always = fault
        service = opened(tmp_path, server, tries=3)
        with pytest.raises(ModelError, match=words) as caught:
            service.outputs(IMAGES[:1])
    text = str(caught.value)
    assert "\n" not in text and text.isprintable() and text.startswith("service: ")
    assert len(server.requests) == requests


def test_a_wrong_number_of_answers_in_a_batch_is_an_error(tmp_path: Path) -> None:
    with serving(lambda images: many(images[:-1])) as server:
        service = opened(
            tmp_path, server, scores="predictions[*].scores", send="multipart", batch=4
        )
        with pytest.raises(ModelError, match=r"list of 4, one per image; got 3"):
            service.outputs(IMAGES[:4])


def test_a_service_that_is_not_there_or_slow_is_an_error(tmp_path: Path) -> None:
    clock = Clock()
    with serving(one) as server:
        pass
    with pytest.raises(ModelError, match=r"4 tries; the last ended with no connection"):
        opened(tmp_path, server, clock, tries=4).outputs(IMAGES[:1])
    assert len(clock.pauses) == 3
    import threading

    done = threading.Event()

    def slow(images: list[np.ndarray]) -> Any:
        done.wait(5)
        return one(images)

    with serving(slow) as server:
        service = opened(tmp_path, server, tries=2, timeout=0.05)
        with pytest.raises(ModelError, match=r"2 tries; the last ended with no answer in time"):
            service.outputs(IMAGES[:1])
        done.set()


def test_a_label_that_is_no_class_is_an_error(tmp_path: Path) -> None:
    for label in ("cat", 7, -1, True, 1.5, None):
        with serving(lambda _, label=label: {"label": label}) as server:  # type: ignore[misc]
            service = opened(tmp_path, server, scores=None, output=None, label="label")
            with pytest.raises(ModelError, match="one of classes"):
                service.outputs(IMAGES[:1])


def test_a_budget_of_queries_is_kept(tmp_path: Path) -> None:
    with serving(one) as server:
        service = opened(tmp_path, server, budget=5)
        service.keep_answers(tmp_path)
        service.outputs(IMAGES[:4])
        service.outputs(IMAGES[:4])
        with pytest.raises(ModelError, match="budget of 5 images does not hold 2 more; 4 were"):
            service.outputs(IMAGES[:6])
        assert len(server.seen) == 4
        larger = opened(tmp_path, server, budget=9)
        larger.keep_answers(tmp_path)
        larger.outputs(IMAGES)
    assert set(server.seen.values()) == {1}


def test_headers_come_from_the_environment_and_are_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FER_KEY", raising=False)
    fields: dict[str, Any] = {"headers_from": {"Authorization": "FER_KEY"}}
    with serving(one) as server:
        server.url += "?key=secret"
        with pytest.raises(InputError, match="environment variable FER_KEY, which is not set"):
            opened(tmp_path, server, **fields)
        monkeypatch.setenv("FER_KEY", "Bearer secret\n")
        service = opened(tmp_path, server, **fields)
        service.outputs(IMAGES[:1])
        assert server.requests[0]["Authorization"] == "Bearer secret"
        assert "secret" not in str(service.facts())
        server.always = Fault(401, b"Bearer secret is no key")
        with pytest.raises(ModelError) as caught:
            service.outputs(IMAGES[1:2])
        assert "secret" not in str(caught.value)
        server.always = Fault(400, b"Bearer secret: no PNG")
        with pytest.raises(ModelError, match="no PNG") as caught:
            service.outputs(IMAGES[1:2])
        assert "secret" not in str(caught.value)


def test_requests_side_by_side_are_bounded(tmp_path: Path) -> None:
    import threading
    import time

    running, most, lock = 0, 0, threading.Lock()

    def counted(images: list[np.ndarray]) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return one(images)

    with serving(counted) as server:
        opened(tmp_path, server, parallel=3).outputs(IMAGES)
    assert 1 < most <= 3
