"""The benchmark of clips: what it measures and prints."""

import numpy as np
import pytest
from skimage.data import astronaut

from benchmarks import video
from datasets.base.errors import InputError
from tests.live.video.made_clips import write_clip


def test_section_holds_every_pace(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(video, "REPEATS", 1)
    portrait = np.ascontiguousarray(astronaut()[:256, 96:352])
    video.main(write_clip(tmp_path / "clip.mp4", [portrait] * 4), "simple_cnn.fer")
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.endswith(" ms |")]
    assert [row.split(" | ")[0] for row in rows] == [
        "| clean",
        "| FGSM, 4/255",
        "| drawing `annotated.mp4`",
    ]
    assert all(float(row.split(" | ")[1].split()[0]) > 0 for row in rows)


def test_unknown_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="a model must be"):
        video.main(tmp_path / "none.mp4", "typo")
