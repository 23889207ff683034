"""The faces of the cases, and how they are written as csv files and folders of images."""

import csv
import lzma
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from datasets.faceset import Split
from datasets.labels import FER7
from datasets.read import load

MOST = 400
VOTES = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    *("unknown", "NF"),
)
ON_REAL_FACES = bool(os.environ.get("DEADPAN_DATA"))
"""Whether the figures of the table of cases hold, which were measured on FER2013."""

Save = Callable[[Image.Image, Path, int], object]


class Faces(NamedTuple):
    """uint8 (N, 48, 48), labels (N,), votes (N, 10), in the order of the file."""

    images: np.ndarray
    labels: np.ndarray
    votes: np.ndarray


def read_faces() -> Faces:
    """The first 400 of PublicTest in `DEADPAN_DATA`, else of the embedded sample."""
    data = os.environ.get("DEADPAN_DATA")
    found = load(data, Split.PUBLIC_TEST, progress=False) if data else load("sample", None)
    assert found.fer is not None and found.votes is not None
    kept = np.flatnonzero(found.fer >= 0)[:MOST]
    return Faces(found.images[kept, :, :, 0], found.fer[kept], found.votes[kept])


def write_csv(
    folder: Path, faces: Faces, rows: Sequence[int], usage: Sequence[str] | str = "PublicTest"
) -> None:
    """`fer2013.csv.xz` with these rows; `usage` is one word, or one per row."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [usage] * len(rows) if isinstance(usage, str) else usage
    with lzma.open(folder / "fer2013.csv.xz", "wt", newline="", preset=1) as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        for row, word in zip(rows, words, strict=True):
            pixels = " ".join(map(str, faces.images[row].ravel()))
            writer.writerow([faces.labels[row], pixels, word])


def write_votes(folder: Path, votes: np.ndarray) -> None:
    """`fer2013new.csv`, one row of votes per face."""
    with open(folder / "fer2013new.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *VOTES])
        for row, counts in enumerate(votes.tolist()):
            writer.writerow(["PublicTest", f"fer{row:07d}.png", *counts])


def write_folder(
    folder: Path, faces: Faces, rows: Iterable[int], save: Save, split: str = "test"
) -> None:
    """`folder/split/class/faceN`; `save(image, path, place)` adds an ending."""
    for place, row in enumerate(rows):
        where = folder / split / FER7.classes[faces.labels[row]]
        where.mkdir(parents=True, exist_ok=True)
        save(Image.fromarray(faces.images[row]), where / f"face{row}", place)


def write_sources(out: Path, faces: Faces) -> None:
    """Every source of faces that a case names."""
    first = range(60)
    write_csv(out / "faces", faces, range(len(faces.labels)))
    for name, mode in (("grey", "L"), ("rgba", "RGBA"), ("palette", "P")):
        write_folder(out / name, faces, first, partial(_as_png, mode=mode))
    write_csv(out / "votes90", faces, range(90))
    write_votes(out / "votes90", faces.votes[7:97])
    write_folder(out / "two_sources", faces, first, _as_png)
    write_csv(out / "two_sources", faces, range(60, 120))
    write_folder(out / "val_twice", faces, range(30), _as_png, "val")
    write_folder(out / "val_twice", faces, range(30, 60), _as_png, "validation")
    write_folder(out / "left_out", faces, first, _save_oddly)
    write_csv(out / "once", faces, range(40))
    write_csv(out / "twice", faces, [*range(40), *range(40)])
    write_csv(out / "train_only", faces, range(150), "Training")
    write_csv(out / "private", faces, range(120), ["PublicTest"] * 60 + ["PrivateTest"] * 60)


def write_photographs(folder: Path) -> None:
    """One photograph with a face, in files of 8 bits, 12 bits in 16, and floats."""
    from skimage import data

    folder.mkdir(parents=True)
    photo = data.astronaut()[:256, 96:352]
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    Image.fromarray(photo).save(folder / "plain.png")
    Image.fromarray(grey.astype(np.uint16) * 16).save(folder / "twelve_bits.png")
    Image.fromarray(grey.astype(np.float32) / 255).save(folder / "floats.tif")


def _as_png(image: Image.Image, to: Path, _: int, mode: str = "L") -> None:
    image.convert(mode).save(f"{to}.png")


def _save_oddly(image: Image.Image, to: Path, place: int) -> None:
    """One of six in a file that is read, the others in files that are not or may not be."""
    end = (".png", ".jpe", ".tga", "", ".avif", ".heic")[place % 6]
    if end in (".avif", ".heic"):  # not every Pillow writes them; the name is what counts
        Path(f"{to}{end}").write_bytes(b"\0\0\0\x18ftyp" + end[1:].encode())
    else:
        kinds = {".png": "PNG", ".jpe": "JPEG", ".tga": "TGA", "": "PNG"}
        image.save(f"{to}{end}", format=kinds[end])
