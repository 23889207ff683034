from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets import export, folders
from datasets.base.atomic import UNFINISHED
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.folders import png_of, write_folders
from datasets.labels import FER7, FERPLUS8
from datasets.read import open_source
from tests.datasets.factory import FER, make_images, write_source


def test_round_trip_is_byte_for_byte(tmp_path, capsys):
    data = write_source(tmp_path / "data")
    export.main(export.ExportRequest(data=data, out=tmp_path / "folders"))
    export.main(
        export.ExportRequest(data=tmp_path / "folders", csv=tmp_path / "back" / "fer2013.csv")
    )
    for name in ("fer2013.csv", "fer2013new.csv"):
        assert (tmp_path / "back" / name).read_bytes() == (data / name).read_bytes()
    assert "wrote 60 faces" in capsys.readouterr().out


def test_folders_hold_the_same_arrays(tmp_path):
    data = write_source(tmp_path / "data")
    export.main(export.ExportRequest(data=data, out=tmp_path / "folders"))
    csv, folders = (open_source(path, progress=False) for path in (data, tmp_path / "folders"))
    for name in ("images", "fer", "votes", "row_ids", "split_of"):
        assert np.array_equal(getattr(csv, name), getattr(folders, name)), name
    assert (tmp_path / "folders" / "PrivateTest" / "fear" / "51.png").exists()  # 51 % 7 = 2


def test_splits_of_merged_folders_stay_as_they_are(tmp_path):
    for split in (Split.TRAINING, Split.TEST):
        ids = np.arange(30) + (100 if split is Split.TEST else 0)
        write_folders(make_images()[:30], FER[:30], FER7, ids, split, tmp_path / "in")
    export.main(export.ExportRequest(data=tmp_path / "in", csv=tmp_path / "faces.csv"))
    usage = [line.split(",")[2] for line in (tmp_path / "faces.csv").read_text().splitlines()[1:]]
    assert usage == ["Training"] * 30 + ["Test"] * 30


def fails(message: str, data: Path, **options: Any) -> None:
    with pytest.raises(InputError, match=message):
        export.main(export.ExportRequest(data=data, **options))


def test_one_target(tmp_path):
    data = write_source(tmp_path / "data")
    fails("either --out DIR or --csv FILE", data)
    fails("either --out DIR or --csv FILE", data, out=tmp_path / "a", csv=tmp_path / "b.csv")


def test_nothing_is_overwritten(tmp_path):
    data = write_source(tmp_path / "data")
    before = (data / "fer2013new.csv").read_bytes()
    fails("fer2013new.csv: already exists", data, csv=data / "copy.csv")
    fails("fer2013.csv: already exists", data, csv=data / "fer2013.csv")
    new = data / "new" / "fer2013new.csv"
    fails(r"fer2013new\.csv: this name is reserved for the votes", data, csv=new)
    fails("new or empty folder", data, out=data)
    fails("new or empty folder", data, out=data / "fer2013.csv")
    assert (data / "fer2013new.csv").read_bytes() == before


def test_a_stopped_command_leaves_no_part_of_the_faces(tmp_path, monkeypatch):
    data, out, written = write_source(tmp_path / "data"), tmp_path / "out", []

    def stopped(image):
        written.append(1)
        if len(written) == 50:
            raise KeyboardInterrupt
        return png_of(image)

    monkeypatch.setattr(folders, "png_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        export.main(export.ExportRequest(data=data, out=out))
    assert not out.exists()
    (out / UNFINISHED / "Training").mkdir(parents=True)  # as a killed command leaves it
    export.main(export.ExportRequest(data=data, out=out))
    assert {path.name for path in out.iterdir()} == {
        "Training", "PublicTest", "PrivateTest", "fer2013new.csv"
    }  # fmt: skip
    assert len([*out.rglob("*.png")]) == 60


def test_the_folder_where_one_is_can_be_written_to(tmp_path, monkeypatch):
    data = write_source(tmp_path / "data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export.main(export.ExportRequest(data=data, out=Path()))
    assert len([*Path.cwd().glob("*/*/*.png")]) == 60


def test_target_that_cannot_be_written(tmp_path):
    data = write_source(tmp_path / "data")
    fails("cannot be written", data, csv=data / "fer2013.csv" / "x" / "y.csv")


def test_csv_needs_48_pixels(tmp_path):
    images = np.zeros((7, 32, 40, 3), dtype=np.uint8)
    images[..., 0] = 9
    write_folders(images, np.arange(7), FER7, np.arange(7), Split.TRAINING, tmp_path / "in")
    fails("48x48 grey faces for a csv, found 32x40 with 3", tmp_path / "in", csv=tmp_path / "c.csv")


def test_eight_classes_come_back_as_folders_and_are_refused_as_csv(tmp_path):
    write_folders(
        make_images()[:8], np.arange(8), FERPLUS8, np.arange(8), Split.TRAINING, tmp_path / "in"
    )
    export.main(export.ExportRequest(data=tmp_path / "in", out=tmp_path / "out"))
    before, after = (open_source(tmp_path / name, progress=False) for name in ("in", "out"))
    assert (before.votes == after.votes).all() and (before.images == after.images).all()
    assert not (tmp_path / "out" / "fer2013new.csv").exists()
    fails("FER\\+ labels only", tmp_path / "in", csv=tmp_path / "out.csv")


def test_votes_without_labels_are_exported_by_the_majority_rule(tmp_path, capsys):
    rows = ["0.png,0,9,0", "1.png,5,5,0", "2.png,1,1,0", "3.png,2,1,6"]  # last: no emotion
    for row, image in enumerate(make_images()[:4]):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{row}.png")
    table = tmp_path / "moods.csv"
    table.write_text("\n".join(["file,sad,happy,unknown", *rows]))
    export.main(export.ExportRequest(data=table, out=tmp_path / "out"))
    said = capsys.readouterr()
    assert "wrote 1 faces" in said.out and "3 faces without a majority" in said.err
    assert [file.name for file in (tmp_path / "out").rglob("*.png")] == ["0.png"]
    assert (tmp_path / "out" / "Test" / "happiness" / "0.png").exists()
    table.write_text("\n".join(["file,sad,happy,unknown", *rows[1:]]))
    fails("moods.csv: expected faces with a label, found none", table, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_votes_need_all_rows(tmp_path):
    data = write_source(tmp_path / "data")
    export.main(export.ExportRequest(data=data, out=tmp_path / "folders"))
    (tmp_path / "folders" / "Training" / "angry" / "0.png").unlink()
    fails("expected rows 0 to 58", tmp_path / "folders", out=tmp_path / "again")
    export.main(export.ExportRequest(data=tmp_path / "folders", csv=tmp_path / "numbered_anew.csv"))
    source = open_source(
        tmp_path / "numbered_anew.csv", votes=tmp_path / "fer2013new.csv", progress=False
    )
    original = open_source(data, progress=False)
    assert (source.images == original.images[1:]).all()
    assert (source.votes == original.votes[1:]).all()
