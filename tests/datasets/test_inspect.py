"""The tables of `python -m datasets.inspect` against counts made another way; the figures exist."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from datasets import inspect
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.ferplus import write_votes
from datasets.folders import write_folders
from datasets.labels import FER7, FERPLUS8
from datasets.read import open_source
from datasets.votes import VoteRule, vote_targets
from tests.datasets.factory import FER, SPLITS, make_images, make_votes, write_source


@pytest.fixture
def source(tmp_path):
    return open_source(write_source(tmp_path / "data"), progress=False)


def test_class_counts(source):
    counts = inspect.class_counts(source)
    assert list(counts) == [FER7, FERPLUS8]
    assert counts[FER7]["Training"].tolist() == [6] * 7  # 42 rows, labels go round
    assert counts[FER7]["PublicTest"].tolist() == [2, 2, 1, 1, 1, 1, 1]  # rows 42 to 50
    kept = vote_targets(make_votes(), VoteRule.MAJORITY)[SPLITS == "Training"]
    assert counts[FERPLUS8]["Training"].sum() == kept.any(axis=1).sum()


def test_kept_counts(source):
    table = inspect.kept_counts(source)
    assert table.loc["all rows"].tolist() == [42, 9, 9]
    assert set(table.index) > {str(rule) for rule in VoteRule}
    assert (table.loc["argmax, ties dropped"] <= table.loc["argmax"]).all()


def test_duplicate_counts(source):
    table = inspect.duplicate_counts(source)
    assert table.loc["images with a duplicate"].tolist() == [1, 1, 0, 2]
    assert table.loc["with a duplicate in Training"].tolist() == ["", 1, 0, ""]
    assert table.loc["of one colour only"].tolist() == [1, 0, 0, 1]
    assert table.loc["groups of duplicates", "all"] == 1


def test_conflicts_of_data_with_votes_alone(tmp_path):
    """Rows 0 and 1 agree, rows 2 and 3 do not, and row 5 has no majority to contradict row 4."""
    images = np.repeat(make_images()[:3], 2, axis=0)
    write_folders(images, np.zeros(6, np.int64), FER7, np.arange(6), Split.TRAINING, tmp_path)
    votes = np.zeros((6, 10), np.uint8)
    votes[[0, 1, 2, 3, 4], [1, 1, 1, 2, 4]] = 10
    votes[5, [1, 2]] = 5
    write_votes(votes, np.full(6, "Training"), tmp_path / "fer2013new.csv")
    source = replace(open_source(tmp_path, progress=False), fer=None)
    table = inspect.duplicate_counts(source)
    assert table.loc["with a duplicate of another label", "all"] == 2
    assert table.loc["groups with conflicting labels", "all"] == 1


def test_prints_tables_and_writes_figures(tmp_path, capsys):
    inspect.main(inspect.InspectRequest(data=write_source(tmp_path / "data"), out=tmp_path / "out"))
    printed = capsys.readouterr().out
    for word in ("happy", "contempt", "majority", "multi_target", "kappa", "duplicate"):
        assert word in printed
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    stems = ("agreement", "class_counts", "faces_fer", "faces_ferplus")
    charts = [f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")]
    assert names == [*charts, "near_duplicates.csv"]
    sheet = np.array(Image.open(tmp_path / "out" / "faces_fer.png").convert("L"))
    assert sheet.shape == (7 * 102 + 40, 8 * 102 + 90)
    face = sheet[43:139, 93:189]  # the first face, 96 pixels: each of its pixels 2 x 2
    assert (face[::2, ::2] == face[1::2, 1::2]).all()
    angry = make_images()[(FER == 0) & (SPLITS == "Training"), :, :, 0]
    assert (angry == face[::2, ::2]).all(axis=(1, 2)).any()


@pytest.mark.parametrize("nobody", [slice(None), SPLITS == "Training"])
def test_votes_of_nobody_are_shown_as_none(tmp_path, capsys, nobody):
    data, votes = write_source(tmp_path / "data"), make_votes()
    votes[nobody] = 0
    write_votes(votes, SPLITS, data / "fer2013new.csv")
    inspect.main(inspect.InspectRequest(data=data, out=tmp_path / "out"))
    assert "nan" in capsys.readouterr().out
    assert (tmp_path / "out" / "class_counts.png").exists()
    assert (tmp_path / "out" / "agreement.png").exists() == bool(votes.any())


def test_source_with_fer_labels_only(tmp_path, capsys):
    write_folders(make_images()[:7], FER[:7], FER7, np.arange(7), Split.TRAINING, tmp_path / "in")
    inspect.main(inspect.InspectRequest(data=tmp_path / "in", out=tmp_path / "out"))
    assert "kappa" not in capsys.readouterr().out
    assert not (tmp_path / "out" / "agreement.png").exists()


def test_votes_without_a_majority_have_no_chart_of_classes(tmp_path, capsys):
    Image.fromarray(make_images()[0, :, :, 0]).save(tmp_path / "1.png")
    (tmp_path / "votes.csv").write_text("file_name,happy,neutral,unknown\n1.png,1,1,3\n")
    inspect.main(inspect.InspectRequest(data=tmp_path / "votes.csv", out=tmp_path / "out"))
    assert "faces_ferplus.svg" in capsys.readouterr().out
    assert not [*(tmp_path / "out").glob("class_counts*")]


def test_out_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make this folder"):
        inspect.main(
            inspect.InspectRequest(data=write_source(tmp_path / "data"), out=tmp_path / "file")
        )
