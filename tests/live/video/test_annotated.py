"""The drawn clip: its frames, times and sound; what is drawn where."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faces.box import Box
from live.overlay import ATTACKED, CLEAN, draw_answers
from live.reading import Answer, Face
from live.video.annotated import _drawn, write_annotated
from live.video.clip import open_clip
from live.video.recorded_faces import recorded_faces
from tests.live.video.conftest import FRAMES, GONE
from tests.live.video.made_clips import grey, write_clip, write_unknown_sound


@pytest.fixture(scope="module")
def folder(reader, clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    parts = reader.parts_in(folder)
    with open_clip(clip) as opened:
        reader.read(opened, parts, lambda done, total: None)
    parts.join()
    assert write_annotated(clip, folder, lambda done, total: None) == ""
    return folder


def packets(path):
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        return [
            (float(packet.pts * stream.time_base), bytes(packet))
            for packet in file.demux(stream)
            if packet.dts is not None
        ]


def test_frames_keep_their_times_and_the_sound_its_bytes(folder, clip):
    with open_clip(clip) as before, open_clip(folder / "annotated.mp4") as after:
        pairs = list(zip(before.frames(), after.frames(), strict=True))
    assert len(pairs) == FRAMES
    for one, two in pairs:
        assert two.seconds == pytest.approx(one.seconds, abs=1e-4)
        assert one.image.shape == two.image.shape
    old, new = packets(clip), packets(folder / "annotated.mp4")
    assert [data for _, data in old] == [data for _, data in new]
    assert [time for time, _ in new] == pytest.approx([time for time, _ in old], abs=1e-3)


def test_faces_are_drawn_where_they_are_and_nothing_where_they_are_not(folder, clip):
    with open_clip(clip) as before, open_clip(folder / "annotated.mp4") as after:
        for one, two in zip(before.frames(), after.frames()):
            change = np.abs(one.image.astype(int) - two.image).mean()
            assert (change < 3) if one.index in GONE else (change > 8)


def test_faces_are_read_back_as_they_were_labelled(folder):
    table = pq.read_table(folder / "faces.parquet").to_pylist()
    found = dict(recorded_faces(folder))
    assert list(found) == list(range(FRAMES))
    for row in table:
        if row["frame"] in GONE:
            assert found[row["frame"]] == ()
            continue
        (face,) = found[row["frame"]]
        first, second = face.answers
        assert (first.label, second.label) == (row["label"], row["beside_label"])
        assert (len(first.classes), len(second.classes)) == (7, 8)
        assert second.probabilities[second.classes.index("contempt")] == row["beside_contempt"]
        assert [a.label for a in face.attacked_answers] == [
            row["attacked_label"],
            row["beside_attacked_label"],
        ]
        assert face.flipped == row["flipped"]


def test_clip_whose_resolution_changes_is_drawn_in_the_first_one(tmp_path):
    one = write_clip(tmp_path / "one.ts", [grey(50)] * 4, codec="mpeg2video")
    two = write_clip(tmp_path / "two.ts", [grey(90, 96, 64)] * 4, codec="mpeg2video")
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    columns = ["frame", "track", "label", "attack", "attacked_label", "flipped"]
    with open_clip(both) as clip:
        count = len(list(clip.frames()))
    rows = pa.Table.from_pylist([{"frame": i} for i in range(count)])
    for name in columns[1:]:
        rows = rows.append_column(name, pa.nulls(count, pa.int32()))
    pq.write_table(rows, tmp_path / "faces.parquet")
    write_annotated(both, tmp_path, lambda done, total: None)
    with open_clip(tmp_path / "annotated.mp4") as clip:
        shapes = {frame.image.shape for frame in clip.frames()}
    assert shapes == {(48, 64, 3)}


def test_boxes_are_drawn_in_the_pixels_of_the_written_frame():
    face = a_face(Box(80, 60, 40, 60), False)
    wide = _drawn(np.zeros((480, 1600, 3), np.uint8), (face,), (800, 240))
    same = np.zeros((240, 800, 3), np.uint8)
    draw_answers(same, replace(face, box=Box(40, 30, 20, 30)))
    np.testing.assert_array_equal(wide, same)


def test_sound_of_another_codec_becomes_aac(tmp_path, folder):
    path = tmp_path / "old.avi"
    with av.open(str(path), "w") as out:
        video, audio = out.add_stream("mpeg4", rate=10), out.add_stream("pcm_s16le", rate=16000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for _ in range(20):
            out.mux(video.encode(av.VideoFrame.from_ndarray(grey(80), format="rgb24")))
        out.mux(video.encode(None))
        wave = (8000 * np.sin(np.arange(32000) / 5)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate = 16000
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    rows = pa.Table.from_pylist([{"frame": i, "track": None, "label": None} for i in range(20)])
    pq.write_table(rows, tmp_path / "faces.parquet")
    assert write_annotated(path, tmp_path, lambda done, total: None) == ""
    with av.open(str(tmp_path / "annotated.mp4")) as file:
        stream = file.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=0.1)


def test_sound_of_an_unknown_codec_is_left_out_and_said(tmp_path):
    path = write_unknown_sound(tmp_path / "a.mkv", [grey(80)] * 5)
    rows = pa.Table.from_pylist([{"frame": i, "track": None, "label": None} for i in range(5)])
    pq.write_table(rows, tmp_path / "faces.parquet")
    fault = write_annotated(path, tmp_path, lambda done, total: None)
    assert fault == "The sound is left out: FFmpeg does not know its codec."
    with open_clip(tmp_path / "annotated.mp4") as clip:
        assert len(list(clip.frames())) == 5


@pytest.mark.parametrize(
    ("name", "times"), [("a.ts", None), ("late.mkv", [3 + i / 25 for i in range(50)])]
)
def test_sound_stays_in_step_where_the_streams_begin_at_different_times(tmp_path, name, times):
    path = write_clip(tmp_path / name, [grey(90)] * 50, sound=2.0, times=times)
    rows = pa.Table.from_pylist([{"frame": i, "track": None, "label": None} for i in range(50)])
    pq.write_table(rows, tmp_path / "faces.parquet")
    assert write_annotated(path, tmp_path, lambda done, total: None) == ""

    def lead(file):
        """Seconds by which the sound begins before the picture."""
        with av.open(str(file)) as opened:
            first = [stream.start_time * stream.time_base for stream in opened.streams]
            kinds = [stream.type for stream in opened.streams]
            return float(first[kinds.index("video")] - first[kinds.index("audio")])

    assert lead(path) > 0.01
    assert lead(tmp_path / "annotated.mp4") == pytest.approx(lead(path), abs=1e-3)


def a_face(box, *flips):
    """A face with one classifier for each entry of `flips`: whether the attack flips it."""

    def answer(label):
        shares = np.array([0.9, 0.1]) if label == "calm" else np.array([0.2, 0.8])
        return Answer("m", ("calm", "wild"), shares, label)

    clean, after = (answer("calm"),) * len(flips), tuple(answer(("calm", "wild")[f]) for f in flips)
    return Face(1, box, box, np.empty((0, 0, 1)), clean, attacked_answers=after)


def test_labels_stay_inside_the_frame():
    image = np.zeros((240, 400, 3), np.uint8)
    draw_answers(image, a_face(Box(330, 60, 60, 150), True))
    for ink in (CLEAN, ATTACKED):
        rows, columns = np.nonzero((image == ink).all(axis=2))
        assert columns.max() == 399 and len(rows) > 500
    # The bars are on the left, where there is room.
    assert image[60:100, :330].any()


def test_flip_is_marked_in_shape(monkeypatch):
    written = []
    monkeypatch.setattr(cv2, "putText", lambda image, text, *rest: written.append(text))
    image = np.zeros((240, 400, 3), np.uint8)
    draw_answers(image, a_face(Box(100, 60, 60, 100), True))
    draw_answers(image, a_face(Box(100, 60, 60, 100), False))
    draw_answers(image, a_face(Box(100, 60, 60, 100), False, True))
    labels = [text for text in written if "%" in text]
    assert labels[:4] == ["1 calm 90 %", "* wild 80 %", "1 calm 90 %", "calm 90 %"]
    assert labels[4:] == ["1 calm 90 % | calm 90 %", "calm 90 % | * wild 80 %"]
