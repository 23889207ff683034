"""Standard error held back: silence, a failure that shows it, and two threads."""

import os
from threading import Event, Thread

import pytest

from datasets.base.held_back import held_back


def test_what_is_written_meanwhile_is_not_shown(capfd):
    os.write(2, b"before ")
    with held_back():
        os.write(2, b"chatter ")
        with held_back():
            os.write(2, b"more ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_failure_shows_it(capfd):
    with pytest.raises(ZeroDivisionError), held_back():
        os.write(2, b"reason ")
        raise ZeroDivisionError
    os.write(2, b"after")
    assert capfd.readouterr().err == "reason after"


def test_second_thread_neither_waits_nor_keeps_the_first_ones_file(capfd):
    inside, done = Event(), Event()

    def hold():
        with held_back():
            inside.set()
            assert done.wait(5)

    first = Thread(target=hold)
    first.start()
    assert inside.wait(5)
    with held_back():  # must not wait for the first
        done.set()
        first.join(5)
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
