"""The clock of a run's stages, with the time told by the test."""

from collections.abc import Iterator

import pytest

from evaluation.stage_clock import StageClock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr("evaluation.stage_clock.time.monotonic", lambda: time[0])
    return time


def test_a_stage_adds_up_and_counts_until_an_error(now: list[float]) -> None:
    clock = StageClock()
    with clock.stage("figures"):
        now[0] += 2
    now[0] += 5
    with pytest.raises(RuntimeError), clock.stage("figures"):
        now[0] += 1.26
        raise RuntimeError
    assert clock.seconds == {"figures": 3.3}


def test_the_time_of_items_is_the_time_of_making_them(now: list[float]) -> None:
    def items() -> Iterator[str]:
        for name in "ab":
            now[0] += 3
            yield name
        now[0] += 1

    clock, found = StageClock(), []
    for item in clock.making("sets", items()):
        now[0] += 10
        found.append(item)
    assert found == ["a", "b"]
    assert clock.seconds == {"sets": 7.0}
