"""Hostile csv files, archives, votes, tables and image folders: `datasets/` says what is wrong."""

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.data_options import Format
from datasets.ferplus import join_votes
from datasets.read import open_source
from datasets.readers.classes import ClassNames
from datasets.readers.formats import READERS
from datasets.readers.reading import Reading
from datasets.subgroups import read_subgroups
from tests.datasets.factory import SPLITS, csv_lines, vote_lines
from tests.datasets.readers.layouts import build, documented_layouts
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives

LAYOUTS = documented_layouts()
CSV = "\n".join([*csv_lines()[:4], ""]).encode()


def _zip(data: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013/fer2013.csv", data)
        archive.writestr("fer2013/README", b"faces")
    return content.getvalue()


def _tar(data: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        entry = tarfile.TarInfo("fer2013/fer2013.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


FORMS = {
    "csv": lambda data: data,
    "csv.gz": gzip.compress,
    "csv.xz": lzma.compress,
    "zip": _zip,
    "tar": _tar,
    "tar.gz": lambda data: gzip.compress(_tar(data)),
}


@pytest.mark.parametrize("form", FORMS)
@inputs(len(FORMS))
@given(steps=damage, inside=st.booleans())
def test_csv_and_archives(form, tmp_path, steps, inside):
    path, wrap = tmp_path / f"fer2013.{form}", FORMS[form]
    path.write_bytes(wrap(damaged(CSV, steps)) if inside else damaged(wrap(CSV), steps))
    survives(lambda: open_source(path, progress=False), tmp_path)


VOTES = "\n".join([*vote_lines()[:4], ""]).encode()


@pytest.mark.parametrize("form", ["csv", "csv.gz", "zip"])
@inputs(3)
@given(steps=damage, inside=st.booleans())
def test_votes(form, tmp_path, steps, inside):
    path, wrap = tmp_path / f"fer2013new.{form}", FORMS[form]
    path.write_bytes(wrap(damaged(VOTES, steps)) if inside else damaged(wrap(VOTES), steps))
    survives(lambda: join_votes(path, np.arange(3), SPLITS[:3], np.arange(3)), tmp_path)


@pytest.mark.parametrize("number", range(len(LAYOUTS)), ids=lambda n: f"{n}-{LAYOUTS[n].form}")
@inputs(len(LAYOUTS))
@given(steps=damage, which=st.integers(0, 99), named=st.booleans())
def test_layouts(number, tmp_path, steps, which, named):
    layout, root = LAYOUTS[number], tmp_path / "faces"
    if not root.exists():
        build(layout.lines, root)
    data = root / "faces.csv" if (root / "faces.csv").exists() else root
    tables = [path for path in sorted(root.rglob("*")) if path.suffix in (".csv", ".txt", ".lst")]
    files = [*tables * 4, *sorted(path for path in root.rglob("*") if path.is_file())]
    path = files[which % len(files)]
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, steps))
    form = Format(layout.form) if named and layout.form in [*READERS] else None
    try:
        survives(
            lambda: open_source(data, reading=Reading(form=form, side=24), progress=False), tmp_path
        )
    finally:
        path.write_bytes(whole)


@fuzz
@given(steps=damage)
def test_names_of_classes(tmp_path, steps):
    path = tmp_path / "classes.csv"
    path.write_bytes(damaged(b"class,emotion\njoy,happy\n7,sad\n", steps))
    survives(lambda: ClassNames.of(path, "joy,7"), tmp_path)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "fer2013.csv"
    path.write_bytes(CSV)
    return open_source(path, progress=False)


@fuzz
@given(steps=damage)
def test_subgroups(tmp_path, source, steps):
    path: Path = tmp_path / "groups.csv"
    path.write_bytes(damaged(b"row,age,light\n0,child,low\n1,adult,\n2,adult,high\n", steps))
    faces = source.faces(source.default_split if len(source.splits) > 1 else source.splits[0])
    survives(lambda: read_subgroups(path, source, faces), tmp_path)
