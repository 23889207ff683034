"""Sound as samples: the clip's own times, through offsets, gaps and clocks that are set back."""

import numpy as np
import pytest

from live.video.clip import open_clip
from live.video.speech.samples import RATE, SoundTrack
from tests.live.video.made_clips import grey, write_clip, write_spoken, write_unknown_sound

PICTURES = [grey(90)] * 50


def tone(seconds, rate=RATE):
    """Loud everywhere, so that its ends can be found."""
    return 0.5 * np.sin(np.arange(round(seconds * rate)) / 5)


def loud(blocks):
    """Begin and end of the loud stretches, in seconds of the clip."""
    stretches = []
    for block in blocks:
        places = np.flatnonzero(np.abs(block.samples) > 0.2) / RATE + block.start
        for group in np.split(places, np.flatnonzero(np.diff(places) > 0.05) + 1):
            if len(group):
                stretches.append((group[0], group[-1]))
    return stretches


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_sound_that_begins_late_keeps_its_time(tmp_path, ending, rate):
    pieces = [(1.5, tone(2, rate), rate)]
    track = SoundTrack(write_spoken(tmp_path / f"a.{ending}", PICTURES, pieces))
    ((begin, end),) = loud(track.blocks())
    assert (begin, end) == (pytest.approx(1.5, abs=0.03), pytest.approx(3.5, abs=0.05))
    assert track.notes == []


def test_clip_that_begins_at_another_time_counts_from_its_start(tmp_path):
    """The time 0 of words is that of the frames."""
    path = tmp_path / "late.ts"
    write_clip(path, PICTURES, rate=25, sound=2.0, options={"output_ts_offset": "3"})
    with open_clip(path) as clip:
        assert clip.zero > 2
        first = next(clip.frames()).seconds
    ((begin, end),) = loud(SoundTrack(path).blocks())
    assert first < 0.1 and begin < 0.1 and end == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("gap", [0.4, 2.5])
def test_gap_in_the_sound_is_kept(tmp_path, gap):
    pieces = [(0, tone(1), RATE), (1 + gap, tone(1), RATE)]
    blocks = list(SoundTrack(write_spoken(tmp_path / "a.mkv", PICTURES, pieces)).blocks())
    assert len(blocks) == (1 if gap < 1 else 2)
    expected = [(0, 1), (1 + gap, 2 + gap)]
    assert np.array(loud(blocks)) == pytest.approx(np.array(expected), abs=0.01)


def test_long_sound_is_cut_where_it_is_quiet_and_nothing_is_lost(tmp_path):
    pause = np.zeros(RATE)
    sound = np.concatenate([tone(2.2), pause, tone(2.2), pause, tone(1)])
    track = SoundTrack(write_spoken(tmp_path / "a.mkv", PICTURES, [(0.5, sound, RATE)]))
    blocks = list(track.blocks(longest=4))
    first, second, third = (block.start for block in blocks)
    assert first == 0.5 and 2.7 < second < 3.7 and 5.9 < third < 6.9  # in the pauses
    assert all(np.abs(block.samples[:2000]).max() < 0.1 for block in blocks[1:])
    together = np.concatenate([block.samples for block in blocks])
    assert together == pytest.approx(sound, abs=1e-3)


def test_clock_that_is_set_back_is_counted_on():
    class Broken(SoundTrack):
        """Three seconds, stamped 0, 1 and, after a cut, 0 again."""

        def __init__(self):
            self.exists, self._zero, self.notes = True, 0.0, []

        def _decoded(self):
            for stamp in (0.0, 1.0, 0.0, None):
                yield stamp, np.full(RATE, 0.5, np.float32)

    (block,) = Broken().blocks()
    assert (block.start, block.end) == (0, 4)


def test_clip_without_sound_has_no_samples(tmp_path):
    track = SoundTrack(write_clip(tmp_path / "mute.mp4", PICTURES[:3]))
    assert not track.exists and list(track.blocks()) == []


def test_sound_of_an_unknown_codec_is_said(tmp_path):
    path = write_unknown_sound(tmp_path / "a.mkv", PICTURES)
    track = SoundTrack(path)
    assert list(track.blocks()) == []
    assert track.notes == ["The sound cannot be decoded: FFmpeg does not know its codec."]
