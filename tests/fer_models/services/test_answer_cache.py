"""Answers of a service are kept: nothing is asked twice, nothing damaged is read."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models.classifier import ModelError
from fer_models.services.answer_cache import FILE, AnswerCache, Queries
from tests.fer_models.services.asking import IMAGES, WANTED, one, opened
from tests.fer_models.services.server import (
    CLASSES,
    Fault,
    serving,
)


def test_answers_are_kept_and_never_asked_for_twice(tmp_path: Path) -> None:
    with serving(one) as server:
        first = opened(tmp_path, server)
        first.keep_answers(tmp_path)
        first.outputs(np.concatenate([IMAGES[:4], IMAGES[:2]]))
        again = opened(tmp_path, server, parallel=2, budget=100)  # how it is asked may change
        again.keep_answers(tmp_path)
        outputs = again.outputs(IMAGES)
        assert set(server.seen.values()) == {1}
        np.testing.assert_array_equal(outputs, WANTED)
        assert (again.queries.asked, again.queries.from_cache) == (9, 2 + 4)
        other = opened(tmp_path, server, classes=CLASSES[::-1])
        other.keep_answers(tmp_path)
        assert other.queries.asked == 0
        other.outputs(IMAGES[:1])
        assert server.seen[IMAGES[0].tobytes()] == 2  # another contract, other answers
        with again.asked_anew():
            again.outputs(IMAGES[:1])
            again.outputs(IMAGES[:1])  # once by each process
        assert server.seen[IMAGES[0].tobytes()] == 3
        for service in (again, opened(tmp_path, server)):
            service.keep_answers(tmp_path)
            with service.asked_anew("repeat", kept=True):
                service.outputs(IMAGES[:1])
        assert server.seen[IMAGES[0].tobytes()] == 4
        for _ in range(2):  # as in two runs of one process
            again.keep_answers(tmp_path)
            with again.asked_anew("at the end"):
                again.outputs(IMAGES[:1])
                again.outputs(IMAGES[:1])
        assert server.seen[IMAGES[0].tobytes()] == 6


def test_a_header_tells_services_apart_and_a_new_key_keeps_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(one) as server:
        asked = []
        for key, headers in (
            ("old", {"Authorization": "KEY", "X-Model": "FIRST"}),
            ("new", {"X-Model": "FIRST", "Authorization": "KEY"}),
            ("new", {"Authorization": "KEY", "X-Model": "SECOND"}),
            ("new", {"Authorization": "KEY", "X-Deployment": "FIRST"}),
            ("new", {}),
        ):
            for variable, value in (("KEY", key), ("FIRST", "a"), ("SECOND", "b")):
                monkeypatch.setenv(variable, value)
            service = opened(tmp_path, server, headers_from=headers)
            service.keep_answers(tmp_path)
            service.outputs(IMAGES[:1])
            asked.append(len(server.requests))
    assert asked == [1, 1, 2, 3, 4]


def test_what_was_answered_before_a_failure_is_kept(tmp_path: Path) -> None:
    with serving(one) as server:
        service = opened(tmp_path, server, tries=1, parallel=1)
        service.keep_answers(tmp_path)

        def fails_later(images: list[np.ndarray]) -> Any:
            if len(server.sizes) == 5:
                server.always = Fault(500)
            return one(images)

        server.answer = fails_later
        with pytest.raises(ModelError):
            service.outputs(IMAGES)
        server.always, server.answer = None, one
        service.outputs(IMAGES)
    assert set(server.seen.values()) == {1} and len(server.seen) == len(IMAGES)


def test_a_service_without_answers_leaves_no_file_and_a_damaged_one_is_refused(
    tmp_path: Path,
) -> None:
    with serving(one) as server:
        server.always = Fault(400)
        service = opened(tmp_path, server)
        service.keep_answers(tmp_path)
        with pytest.raises(ModelError):
            service.outputs(IMAGES)
        assert not (tmp_path / FILE).exists()
        (tmp_path / FILE).write_bytes(b"not a database" * 100)
        with pytest.raises(InputError, match=rf"{FILE}: expected the answers of services"):
            service.outputs(IMAGES)


def test_requests_under_way_when_one_fails_are_kept(tmp_path: Path) -> None:
    def slow(images: list[np.ndarray]) -> Any:
        time.sleep(0.1)
        return one(images)

    with serving(slow) as server:
        server.faults = [Fault(400)]  # at once, while three others are answered
        service = opened(tmp_path, server, parallel=4)
        service.keep_answers(tmp_path)
        with pytest.raises(ModelError, match="status 400"):
            service.outputs(IMAGES)
        assert 0 < len(server.seen) < len(IMAGES)
        service.outputs(IMAGES)
    assert set(server.seen.values()) == {1} and len(server.seen) == len(IMAGES)


def test_an_answer_with_a_changed_bit_is_asked_for_again(tmp_path: Path) -> None:
    with serving(one) as server:
        for changed in (False, True):
            if changed:
                with sqlite3.connect(tmp_path / FILE) as base:
                    key, stored = base.execute("SELECT key, outputs FROM answers").fetchone()
                    stored = bytes([stored[0] ^ 1]) + stored[1:]
                    base.execute("UPDATE answers SET outputs = ? WHERE key = ?", (stored, key))
                base.close()
            service = opened(tmp_path, server)
            service.keep_answers(tmp_path)
            np.testing.assert_array_equal(service.outputs(IMAGES), WANTED)
    assert sorted(server.seen.values()) == [1] * (len(IMAGES) - 1) + [2]


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path, "service")
    cache.write({"one": np.zeros(7)}, Queries())
    cache._base.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OSError, match="No space left on device"):
        cache.write({str(n): np.zeros(700) for n in range(9)}, Queries())
    assert list(cache.read(["one", "0"])) == ["one"]
