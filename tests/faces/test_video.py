import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.base.errors import InputError
from faces.detectors import make_detector
from faces.video import frames

VIDEO = Path(os.environ.get("DEADPAN_VIDEO", Path(__file__).parents[3] / "shared" / "video"))
needs_clips = pytest.mark.skipif(not VIDEO.is_dir(), reason="clips of real faces not there")


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for level in (0, 100, 200):
        writer.write(np.full((48, 64, 3), (0, 0, level), np.uint8))
    writer.release()
    return path


def test_frames_in_order_with_times_and_rgb(clip):
    found = list(frames(clip))
    assert [frame.index for frame in found] == [0, 1, 2]
    # 20 frames a second: one every 1/20 s
    assert [frame.seconds for frame in found] == pytest.approx([0, 0.05, 0.1], abs=1e-6)
    assert found[2].image.shape == (48, 64, 3)
    assert found[2].image[0, 0] == pytest.approx([200, 0, 0], abs=12)


def test_no_clip(tmp_path, capfd):
    with pytest.raises(InputError, match="found no such file"):
        next(frames(tmp_path / "none.mp4"))
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(InputError, match="a clip that OpenCV can read; got no frame"):
        next(frames(tmp_path / "text.mp4"))
    with pytest.raises(InputError, match="camera 9999: expected a camera that answers"):
        next(frames(9999))
    assert capfd.readouterr().err == ""  # OpenCV and FFmpeg say nothing beside it


@needs_clips
@pytest.mark.parametrize(
    ("name", "faces", "share"), [("single_face.mp4", 1, 0.9), ("no_face.mp4", 0, 0.95)]
)
@pytest.mark.parametrize("detector", ["blazeface", pytest.param("haar", marks=pytest.mark.slow)])
def test_clips_of_real_faces(name, faces, share, detector):
    finder = make_detector(detector)
    counts = [len(finder.detect(frame.image)) for frame in frames(VIDEO / name)]
    assert np.mean(np.array(counts) == faces) >= share
