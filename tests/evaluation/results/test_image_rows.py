"""Rows of images on disk: written in parts, read model by model, old runs too."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.results.files import read_table, write_table
from evaluation.results.image_rows import FACE_COLUMNS, SPENT_COLUMNS, Kind, StoredRows, kind_of
from evaluation.results.row_parts import RowParts
from evaluation.results.schema import ADDED_COLUMNS, PER_IMAGE_COLUMNS
from tests.evaluation.figures.eight_faces import CLEAN, HAPPY, PGD, image_rows

ODD = "a/b\\c=ü" * 40  # no folder may have this name
CORRUPTED = image_rows([HAPPY] * 8, perturbation="blur", severity=3, clean=CLEAN)
CERTIFIED = image_rows(CLEAN, perturbation="smooth0.1", certified_radius=0.5)
FRAMES = [
    image_rows(CLEAN),
    image_rows(CLEAN, model=ODD),
    CORRUPTED,
    PGD.assign(votes=None),
    CERTIFIED,
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with RowParts(tmp_path) as parts:
        for frame in FRAMES:
            parts.add(frame)
        parts.finish()
    return tmp_path


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    whole = pd.concat(FRAMES, ignore_index=True)
    write_table(whole, PER_IMAGE_COLUMNS, folder / "per_image.parquet")
    return folder


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare frames; arrays in cells by their values, whatever their integer type."""
    assert list(found) == list(expected)
    for name in found:
        if PER_IMAGE_COLUMNS[name] == "object":
            pairs = zip(found[name], expected[name], strict=True)
            assert all((a is None and b is None) or np.array_equal(a, b) for a, b in pairs), name
        else:
            pd.testing.assert_series_equal(found[name], expected[name], check_index=False)


@pytest.mark.parametrize("form", ["run", "old_run"])
def test_rows_come_back_in_order_whole_and_by_model(
    form: str, request: pytest.FixtureRequest
) -> None:
    images = StoredRows.of_run(request.getfixturevalue(form))
    assert images.models == ["net.fer", ODD]
    whole = pd.concat(FRAMES, ignore_index=True).drop(columns="subgroups")
    same(images.pick().drop(columns="subgroups"), whole)
    same(images.pick(["row", "logits"], kinds=[Kind.CLEAN]), whole[["row", "logits"]].iloc[:16])
    assert set(images.pick(model="net.fer", kinds=[Kind.ATTACKED]).perturbation) == {"pgd"}
    assert images.pick(model=ODD, kinds=[Kind.ATTACKED]).empty
    mine = images.of("net.fer")
    assert mine.perturbation.drop_duplicates().tolist() == ["none", "pgd", "smooth0.1"]
    assert set(PER_IMAGE_COLUMNS) - set(mine) == set(SPENT_COLUMNS)
    corrupted = images.corrupted("net.fer")
    assert corrupted.severity.fillna(0).tolist() == [0] * 8 + [3] * 8
    assert images.faces.row.tolist() == [*range(50, 58)]
    assert list(images.faces) == ["row", *FACE_COLUMNS]


def test_attacked_rows_share_the_votes_of_the_clean_ones(run: Path) -> None:
    rows = StoredRows.of_run(run).of("net.fer")
    assert all(a is b for a, b in zip(rows.votes[:8], rows.votes[8:16], strict=True))


def test_a_face_that_was_attacked_but_has_no_clean_answer_is_refused(tmp_path: Path) -> None:
    with RowParts(tmp_path) as parts:
        parts.add(image_rows(CLEAN))
        parts.add(PGD.assign(row=PGD.row + 1))
        parts.finish()
    with pytest.raises(InputError, match="face 58 has attacked rows and no clean one"):
        StoredRows.of_run(tmp_path).of("net.fer")


@pytest.mark.parametrize("frame", [image_rows(CLEAN), CORRUPTED, PGD])
def test_a_face_with_two_rows_is_refused_by_file_and_row(
    tmp_path: Path, frame: pd.DataFrame
) -> None:
    """Its rows would count twice in n, with the right number of rows in all."""
    others = [each for each in FRAMES if kind_of(each) is not kind_of(frame)]
    with RowParts(tmp_path) as parts:
        for each in others:
            parts.add(each)
        parts.add(frame.assign(row=[*frame.row[:-1], frame.row.iloc[0]]))
        parts.finish()
    with pytest.raises(InputError, match=r"0000\d-\w+\.parquet: face 50 has two rows") as refused:
        StoredRows.of_run(tmp_path).pick(["prediction"])
    assert "\n" not in str(refused.value)


def test_a_face_with_two_rows_in_an_old_run_is_refused(old_run: Path) -> None:
    whole = pd.concat([*FRAMES, FRAMES[2].iloc[3:4]], ignore_index=True)
    write_table(whole, PER_IMAGE_COLUMNS, old_run / "per_image.parquet")
    with pytest.raises(InputError, match=r"per_image\.parquet: face 53 has two rows"):
        StoredRows.of_run(old_run).corrupted("net.fer")


def test_an_index_that_names_a_part_twice_is_refused(run: Path) -> None:
    index = run / "per_image" / "_parts.json"
    parts = json.loads(index.read_text())["parts"]
    index.write_text(json.dumps({"parts": [*parts, parts[0]]}))
    with pytest.raises(InputError, match="the same part twice"):
        StoredRows.of_run(run)


def test_rows_are_whole_or_those_of_the_run_before(run: Path) -> None:
    """A run that stops halfway leaves the rows of the finished one; a leftover is cleared."""
    before = StoredRows.of_run(run).pick(["row"])
    with pytest.raises(KeyboardInterrupt), RowParts(run) as parts:
        parts.add(image_rows(CLEAN))
        assert len(parts.rows.pick()) == 8
        raise KeyboardInterrupt
    assert not (run / "per_image.unfinished").exists()
    pd.testing.assert_frame_equal(StoredRows.of_run(run).pick(["row"]), before)
    (run / "per_image.unfinished" / "000-x").mkdir(parents=True)  # of a killed run
    with RowParts(run) as parts:
        parts.add(image_rows(CLEAN))
        parts.finish()
    assert [path.name for path in run.iterdir()] == ["per_image"]
    assert len(StoredRows.of_run(run).pick()) == 8


def test_a_changed_bit_is_damage(tmp_path: Path) -> None:
    rows = image_rows(CLEAN, row=np.random.default_rng(0).integers(0, 2**62, 8))
    with RowParts(tmp_path) as parts:
        parts.add(rows)
        parts.finish()
    write_table(rows, PER_IMAGE_COLUMNS, tmp_path / "table.parquet")
    (part,) = tmp_path.glob("per_image/*/*.parquet")
    for path in (part, tmp_path / "table.parquet"):
        data = bytearray(path.read_bytes())
        place = data.index(np.int64(rows.row.iloc[3]).tobytes())
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(InputError, match="expected an intact parquet file"):
            if path is part:
                StoredRows.of_run(tmp_path).pick()
            else:
                read_table(path, PER_IMAGE_COLUMNS)


def test_a_part_can_be_written_again(tmp_path: Path) -> None:
    with RowParts(tmp_path) as parts:
        number = parts.add(PGD)
        parts.replace(number, parts.part(number).assign(cam_shift=0.25))
        assert set(parts.rows.pick().cam_shift) == {0.25}


def test_an_old_run_lacks_the_columns_of_later_versions(old_run: Path) -> None:
    table = pd.read_parquet(old_run / "per_image.parquet").drop(columns=list(ADDED_COLUMNS))
    table.to_parquet(old_run / "per_image.parquet")
    rows = StoredRows.of_run(old_run).pick()
    assert rows[list(ADDED_COLUMNS)].isna().all(axis=None) and list(rows) == list(PER_IMAGE_COLUMNS)
    table.drop(columns="prediction").to_parquet(old_run / "per_image.parquet")
    with pytest.raises(InputError, match=r"per_image\.parquet: expected columns row, model"):
        StoredRows.of_run(old_run).pick()


@pytest.mark.parametrize("damage", ["lost", "twice", "cut", "index"])
def test_a_damaged_part_is_refused_and_never_scored(run: Path, damage: str) -> None:
    first, second, *_ = sorted((run / "per_image").glob("*/*.parquet"))
    if damage == "lost":
        second.unlink()
    elif damage == "twice":
        pd.concat([pd.read_parquet(first)] * 2).to_parquet(first)
    elif damage == "cut":
        second.write_bytes(second.read_bytes()[:-20])
    else:
        (run / "per_image" / "_parts.json").write_text("[")
    with pytest.raises(InputError) as refused:
        StoredRows.of_run(run).pick()
    assert "\n" not in str(refused.value)
