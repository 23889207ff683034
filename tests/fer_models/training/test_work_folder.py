"""What a work folder may hold, who may write there, and which faces continue it."""

import json
from pathlib import Path

import pytest

from datasets.base.errors import InputError
from datasets.base.locks import LOCK, locked
from datasets.data_options import DataOptions
from datasets.labels import LabelSet
from fer_models.training.rows import read_training_faces
from fer_models.training.run import WRITTEN
from tests.datasets.factory import write_source
from tests.fer_models.training.tiny_architecture import main

pytestmark = pytest.mark.usefixtures("tiny_zoo")


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("resume", [False, True])
def test_files_of_something_else_are_neither_continued_nor_replaced(
    name: str, resume: bool, tmp_path: Path, data: Path
) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=f"must not hold {name} without the settings"):
        main(data, "tiny", LabelSet.FER, out=tmp_path, resume=resume)
    assert {path.name for path in tmp_path.iterdir()} - {LOCK} == {name}
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_training_that_another_command_is_about_to_begin_is_not_touched(
    tmp_path: Path, data: Path
) -> None:
    work = tmp_path / "work"
    with locked(work), pytest.raises(InputError, match="another command is writing there"):
        main(data, "tiny", LabelSet.FER, out=work)
    assert not (work / "settings.json").exists()


def test_folders_made_for_a_refused_training_are_removed(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="a batch must be at most"):
        main(data, "tiny", LabelSet.FER, out=tmp_path / "new" / "work", batch_size=1000)
    assert not (tmp_path / "new").exists()


def edited(folder: Path, change_held_out: bool) -> None:
    """Give the first Training face that is, or is not, held out another label."""
    faces = read_training_faces(DataOptions(data=folder))
    part = faces.validation if change_held_out else faces.training
    assert part is not None
    row = int(part.row_ids[0])
    lines = (folder / "fer2013.csv").read_text().splitlines()
    label, rest = lines[row + 1].split(",", 1)
    lines[row + 1] = f"{(int(label) + 1) % 7},{rest}"
    (folder / "fer2013.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("change_held_out", [False, True])
def test_edited_faces_do_not_continue_a_training(change_held_out: bool, tmp_path: Path) -> None:
    folder, work = write_source(tmp_path / "data"), tmp_path / "t" / "tiny.fer"
    main(folder, "tiny", LabelSet.FER, out=work)
    (work / "card.json").unlink()
    edited(folder, change_held_out)
    with pytest.raises(InputError, match="data or settings differ"):
        main(folder, "tiny", LabelSet.FER, out=work, resume=True)
    assert main(folder, labels=LabelSet.FER, everything=True, out=tmp_path / "t") == 1


def test_settings_that_do_not_say_what_was_held_out_continue_with_a_note(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(data, "tiny", LabelSet.FER, out=tmp_path)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings.pop("held_out_sha256")
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    capsys.readouterr()
    main(data, "tiny", LabelSet.FER, out=tmp_path, resume=True)
    assert "does not say which faces were held out" in capsys.readouterr().err


def test_a_training_of_a_version_that_held_out_other_faces_is_not_continued(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "tiny.fer"
    main(data, "tiny", LabelSet.FER, out=work)
    (work / "card.json").unlink()
    settings = json.loads((work / "settings.json").read_text())
    del settings["held_out_sha256"]
    (work / "settings.json").write_text(json.dumps(settings | {"data_sha256": "another"}))
    with pytest.raises(InputError, match="settings differ; an older version held out other faces"):
        main(data, "tiny", LabelSet.FER, out=work, resume=True)
    assert main(data, labels=LabelSet.FER, everything=True, out=tmp_path) == 1
    assert "or an older version held out other faces" in capsys.readouterr().err
