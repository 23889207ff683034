"""`python -m evaluation.video` from clip to page, and its refusals."""

from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from evaluation.readings.request import VideoReadingRequest
from evaluation.results.reading import MeasuredReading
from evaluation.video import main
from fer_models.zoo import card_of


def request(out, **options):
    options = {"models": "tiny.fer", "data": "sample", "eps": "1/255", "steps": 2, **options}
    return VideoReadingRequest(out=Path(out), **options)


@pytest.mark.slow
def test_from_planted_clips_to_the_page(tmp_path, capsys):
    main(request(tmp_path / "out", planted=2, smoothing="mean:4,repeater:3"))
    told = capsys.readouterr().out
    assert "tiny.fer labels" in told and "report:" in told
    found = MeasuredReading(tmp_path / "out")
    results, frames = found.results, found.frames
    assert found.manifest["data"]["generated"]
    assert len(frames) == 2 * 160 * 3 * (1 + 5)
    readings = frames[(frames["perturbation"] == "none") & (frames["smoothing"] == "none")]
    scored = readings["scored"].to_numpy(bool)
    right = (readings["reading"] == readings["expected"]).to_numpy()[scored]
    every = results[results["clip"] == "all planted clips"].set_index(
        ["metric", "smoothing", "perturbation"]
    )
    assert every.loc["accuracy", "none", "none"]["value"] == pytest.approx(right.mean())
    robust = every["value"].loc["robust_accuracy"]
    for smoothing in ("none", "mean:4", "repeater:3"):
        clean = every.loc["accuracy", smoothing, "none"]["value"]
        assert robust[smoothing].max() <= clean
        assert robust[smoothing, "adaptive"] == robust[smoothing].min()
    (check,) = found.manifest["checks"]
    assert check["rule"] == "R6" and check["message"].startswith("Twice the 2 steps lower robust")


def test_a_clip_without_faces_is_refused_in_one_line(tmp_path):
    from tests.live.video.made_clips import write_clip

    grey = [np.full((128, 128, 3), 90, np.uint8)] * 30
    clip = write_clip(tmp_path / "grey.mp4", grey, rate=10)
    with pytest.raises(InputError, match="no clip shows a face"):
        main(request(tmp_path / "out", clips=[clip], planted=0, data=None))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"planted": 0}, "name a clip"),
        ({"planted": 0, "clips": ["a.mp4"]}, "--data is for --planted clips"),
        ({"eps": "0"}, "--eps must be above 0"),
        ({"eps": "3"}, "did you mean 3/255"),
        ({"eps": "300/255"}, "got 300/255. Pixels are in [0, 1]: choose at most 255/255"),
        ({"smoothing": "median:3"}, "--smoothing takes"),
        ({"models": "no_such.fer"}, "no_such.fer"),
        ({"planted": 200}, "--planted 200 needs 800 faces"),
        ({"split": "Tset"}, "--split must be"),
        ({"models": "hog_svm.fer", "planted": 1}, "hog_svm.fer has none"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, options, words):
    with pytest.raises(InputError) as caught:
        main(request(tmp_path / "out", **options))
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_models_that_share_an_id_are_numbered(tmp_path, capsys):
    """A training folder carries the id of the shipped net, here with other weights."""
    card, weights = card_of("tiny.fer")
    mine = tmp_path / "mine"
    mine.mkdir()
    with np.load(weights) as arrays:
        negative = {name: -array if array.ndim > 1 else array for name, array in arrays.items()}
        np.savez(mine / "weights.npz", **negative)
    sha256 = file_sha256(mine / "weights.npz")
    other = card.model_copy(update={"weights_sha256": sha256, "measured": None})
    (mine / "card.json").write_text(other.model_dump_json())
    asked = {"models": f"tiny.fer,{mine}", "planted": 1, "steps": 1, "smoothing": "none"}
    main(request(tmp_path / "out", **asked))
    told = capsys.readouterr().err
    assert f"tiny.fer-2 is {mine}" in told and "tiny.fer is" not in told
    found = MeasuredReading(tmp_path / "out")
    given = {name: entry["given_as"] for name, entry in found.manifest["models"].items()}
    assert given == {"tiny.fer": "tiny.fer", "tiny.fer-2": str(mine)}
    first, second = (found.frames[found.frames["model"] == name] for name in given)
    assert len(first) == len(second)
    assert (first["reading"].to_numpy() != second["reading"].to_numpy()).any()
