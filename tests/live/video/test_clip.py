"""Clips as they are and as they should not be: what is read, and what is said."""

import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from faces.video import frames as opencv_frames
from live.video.clip import open_clip
from live.video.clips import find_clips
from tests.live.video.made_clips import grey, write_clip, write_sound


def read(path, start=0):
    with open_clip(path) as clip:
        return list(clip.frames(start)), clip.notes


def levels(frames):
    return [round(float(frame.image.mean())) for frame in frames]


def test_frames_in_order_with_their_times(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [grey(50), grey(100), grey(150)], rate=20)
    frames, notes = read(path)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.05, 0.1])
    assert levels(frames) == pytest.approx([50, 100, 150], abs=3)
    assert notes == []
    with open_clip(path) as clip:
        assert (clip.expected, clip.rate) == (3, 20)


def test_variable_rate_keeps_the_files_times(tmp_path):
    times = [0, 0.04, 0.5, 0.51, 1.3]
    path = write_clip(tmp_path / "a.mp4", map(grey, range(40, 240, 40)), times=times)
    frames, notes = read(path)
    assert [frame.seconds for frame in frames] == pytest.approx(times, abs=1e-4)
    assert notes == []


def test_times_count_from_the_start_of_the_file(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [grey(50)] * 3, times=[7, 7.5, 8])
    assert [f.seconds for f in read(path)[0]] == pytest.approx([0, 0.5, 1])


def test_reading_from_a_frame_on_gives_the_same_frames(tmp_path):
    path = write_clip(tmp_path / "a.mp4", map(grey, range(0, 240, 12)))
    whole, rest = read(path)[0], read(path, 13)[0]
    assert [frame.index for frame in rest] == list(range(13, 20))
    for frame, same in zip(rest, whole[13:]):
        assert frame.seconds == same.seconds
        np.testing.assert_array_equal(frame.image, same.image)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotated_frames_are_upright_as_opencv_turns_them(tmp_path, rotation):
    image = grey(60)
    image[:16, :24] = (250, 40, 40)
    path = write_clip(tmp_path / "a.mp4", [image] * 2, rotation=rotation)
    frames, _ = read(path)
    theirs = list(opencv_frames(path))
    assert frames[0].image.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    np.testing.assert_allclose(frames[0].image, theirs[0].image.astype(int), atol=2)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_mirrored_frames_are_shown_as_in_a_mirror(tmp_path, rotation):
    image = grey(60)
    image[:16, :24] = (250, 40, 40)
    turned = write_clip(tmp_path / "a.mp4", [image] * 2, rotation=rotation or 360)
    header, mirrored = bytearray(turned.read_bytes()), tmp_path / "b.mp4"
    matrix = header.index(b"tkhd") + 4 + 40  # of its nine numbers, every first one is of x
    for place in range(matrix, matrix + 36, 12):
        x = -int.from_bytes(header[place : place + 4], "big", signed=True)
        header[place : place + 4] = x.to_bytes(4, "big", signed=True)
    mirrored.write_bytes(header)
    right, mirror = read(turned)[0][0].image, read(mirrored)[0][0].image
    np.testing.assert_array_equal(mirror, right[:, ::-1])
    assert np.abs(mirror.astype(int) - right).max() > 100


@pytest.mark.parametrize("pixel, size", [((2, 1), (128, 48)), ((1, 2), (64, 96))])
def test_pixels_that_are_not_square_are_stretched(tmp_path, pixel, size):
    path = write_clip(tmp_path / "a.mp4", [grey(60)] * 2, pixel=Fraction(*pixel))
    with open_clip(path) as clip:
        shapes = [frame.image.shape for frame in clip.frames()]
        assert list(clip.sizes) == [size] and shapes == [(size[1], size[0], 3)] * 2


@pytest.mark.parametrize(
    ("transfer", "words"), [(16, "figures under attack do not hold"), (18, "contrast differs")]
)
def test_hdr_frames_are_said(tmp_path, transfer, words):
    """The contrast of a face in PQ is a fraction of what a screen shows."""
    path = write_clip(tmp_path / "a.mp4", [grey(90)] * 3, transfer=transfer)
    (note,) = read(path)[1]
    assert words in note and "ffmpeg -i CLIP -vf zscale" in note


def test_interlaced_frames_are_said(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [grey(50)] * 4, encoding={"x264-params": "tff=1"})
    (note,) = read(path)[1]
    assert note.startswith("Interlaced frames: 4. ")


def test_missing_times_are_estimated_and_said(tmp_path):
    """A raw stream has no container, so no times."""
    path = write_clip(tmp_path / "a.h264", [grey(50)] * 4)
    frames, notes = read(path)
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert any("time stamp later than the frame before: 4;" in note for note in notes)


def test_clip_cut_short_keeps_its_frames(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    path = write_clip(tmp_path / "a.mp4", noise, options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    frames, notes = read(path)
    assert 20 < len(frames) < 45
    (cut,) = [note for note in notes if "cut short" in note]
    assert "the file states 2.4 s" in cut


@pytest.mark.parametrize("byte", [0, 255])
def test_damaged_packets_are_counted_and_the_rest_is_read(tmp_path, byte):
    noise = np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), np.uint8)
    path = write_clip(tmp_path / "a.mp4", noise, options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes([byte]) * 4000
    path.write_bytes(data)
    frames, notes = read(path)
    assert len(frames) > 15
    assert any(note.startswith("Damaged packets: ") for note in notes)


def test_packet_that_cannot_be_decoded_is_counted(tmp_path):
    def refuse():
        raise av.error.InvalidDataError(1, "damaged")

    path = write_clip(tmp_path / "a.mp4", [grey(50)] * 6, codec="mpeg4")
    with open_clip(path) as clip:
        packets = list(clip.container.demux(clip.stream))
        packets[3] = SimpleNamespace(decode=refuse)
        clip.container = SimpleNamespace(demux=lambda stream: iter(packets))
        assert len(list(clip.frames())) == 5
        assert clip.notes == ["Damaged packets: 1; their frames are missing or wrong."]


def test_file_that_cannot_be_read_further_keeps_its_frames(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [grey(50)] * 6, codec="mpeg4")

    def demux(stream):
        yield from packets[:3]
        raise av.error.InvalidDataError(1, "the disk is gone")

    with open_clip(path) as clip:
        packets = list(clip.container.demux(clip.stream))
        clip.container = SimpleNamespace(demux=demux)
        assert len(list(clip.frames())) == 3
        assert clip.notes == ["The file cannot be read any further (the disk is gone)."]


def test_changing_resolution_is_said(tmp_path):
    one = write_clip(tmp_path / "one.ts", [grey(50)] * 5, codec="mpeg2video")
    two = write_clip(tmp_path / "two.ts", [grey(50, 96, 64)] * 5, codec="mpeg2video")
    path = tmp_path / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    frames, notes = read(path)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3), (64, 96, 3)}
    assert any("64x48 from 0.0 s, 96x64" in note for note in notes)


def test_clock_that_is_set_back_counts_on(tmp_path):
    """Two recordings in one file, each from 0."""
    one = write_clip(tmp_path / "one.ts", [grey(50)] * 25, codec="mpeg2video")
    path = tmp_path / "both.ts"
    path.write_bytes(one.read_bytes() * 2)
    frames, notes = read(path)
    steps = np.diff([frame.seconds for frame in frames])
    assert len(frames) >= 49 and (steps > 0.03).all() and (steps < 0.09).all()
    assert "Time stamps jump back, 1 time; later ones are counted on from there." in notes


@pytest.mark.parametrize("gap", [4, 40])
@pytest.mark.parametrize("late", [1, 2])
def test_stamps_too_early_move_no_other(tmp_path, gap, late):
    """As decoders return them after damaged packets: a frame or two, a second late."""
    path = write_clip(tmp_path / "a.mp4", [grey(50)] * 4)
    step = 1 / 25
    early = list(range(1, 1 + late))
    stamps = [0, gap, *early, gap + 1, gap + 2]  # in frames
    with open_clip(path) as clip:
        clip._decoded = lambda: (
            SimpleNamespace(pts=stamp * 40, time_base=1 / 1000) for stamp in stamps
        )
        clip._source = clip._decoded()
        times = [clip._time(raw) for raw in clip._in_turn()]
        notes = clip.notes
    guessed = [(gap + 0.1 * i) * step for i in early]
    assert times == pytest.approx([0, gap * step, *guessed, (gap + 1) * step, (gap + 2) * step])
    assert not any("jump back" in note for note in notes)


def test_clip_that_begins_late_is_not_called_cut_short(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [grey(50)] * 4, times=[100, 100.1, 100.2, 100.3])
    with av.open(str(path)) as file:
        assert file.duration > 100e6  # of the file's clock, from 0
    assert read(path)[1] == []


def test_clip_without_a_stated_length_is_cut_short_where_its_last_packet_is(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    whole = write_clip(tmp_path / "a.mp4", noise, options={"movflags": "frag_keyframe+empty_moov"})
    assert read(whole)[1] == []
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    frames, notes = read(cut)
    assert 20 < len(frames) < 45
    assert notes == [
        f"The last packet is incomplete: the file was cut short at {len(frames) / 25:.1f} s."
    ]


def test_clip_without_a_frame_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.avi", [], codec="mpeg4")
    with pytest.raises(InputError, match="expected a clip with frames") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_sound_alone_is_refused(tmp_path):
    with pytest.raises(InputError, match="with a video stream; found audio"):
        read(write_sound(tmp_path / "a.m4a"))


def no_clips(folder):
    (folder / "program.mp4").write_bytes(b"MZ\x90\0" + bytes(range(256)) * 40)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("no clip\n" * 50)
    (folder / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    Image.new("RGB", (64, 48)).save(folder / "picture.png")
    (folder / "picture.png").rename(folder / "picture.mp4")
    return sorted(folder.glob("*.mp4"))


def test_what_is_no_clip_is_refused_in_one_line(tmp_path, capfd):
    for path in no_clips(tmp_path):
        with pytest.raises(
            InputError, match="expected a complete clip that FFmpeg can read"
        ) as caught:
            read(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="found no such file"):
        read(tmp_path / "none.mp4")
    assert capfd.readouterr().err == ""  # FFmpeg says nothing beside it


def test_folder_gives_its_clips_and_names_the_rest(tmp_path, capsys):
    for name in ("b.MP4", "a.mov", ".hidden.mp4", "notes.txt", "old.dv"):
        (tmp_path / name).touch()
    assert [clip.name for clip in find_clips([tmp_path])] == ["a.mov", "b.MP4"]
    assert ".dv: 1" in capsys.readouterr().err
    assert find_clips([tmp_path / "old.dv"]) == [tmp_path / "old.dv"]


def test_clip_that_is_named_twice_is_read_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").touch()
    here = Path("a.mp4")
    assert find_clips([here, tmp_path / "a.mp4", tmp_path, here]) == [here]


def test_name_that_tables_cannot_hold_is_refused(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.mp4")
    path.touch()
    with pytest.raises(InputError, match="must be UTF-8 text"):
        find_clips([path])


def test_wrong_paths(tmp_path):
    with pytest.raises(InputError, match=r"expected clips .*; found none"):
        find_clips([tmp_path])
    with pytest.raises(InputError, match="found no such path"):
        find_clips([tmp_path / "none.mp4"])
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.mov").touch()
    with pytest.raises(InputError, match="two clips would write into one folder, a: "):
        find_clips([tmp_path])
