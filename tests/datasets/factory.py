"""A small source in the form of FER2013: 42 Training, 9 PublicTest and 9 PrivateTest rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pytest import MonkeyPatch

from datasets.faceset import Split
from datasets.sample import write_sample
from datasets.votes import VOTE_COLUMNS

SPLITS = np.repeat([str(split) for split in list(Split)[:3]], [42, 9, 9])
FER = np.arange(60) % 7
LEAKED_ROW, CONSTANT_ROW = 45, 3
"""Row 45 (PublicTest) repeats row 2 (Training); row 3 is black."""


def make_images() -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (60, 48, 48, 1), dtype=np.uint8)
    images[LEAKED_ROW] = images[2]
    images[CONSTANT_ROW] = 0
    return images


def make_votes() -> np.ndarray:
    return np.random.default_rng(1).multinomial(10, [0.1] * 10, size=60).astype(np.uint8)


def csv_lines(images: np.ndarray | None = None) -> list[str]:
    """Header and 60 rows, without line ends."""
    images = make_images() if images is None else images
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{split}"
        for label, image, split in zip(FER, images, SPLITS)
    ]
    return ["emotion,pixels,Usage", *rows]


def vote_lines() -> list[str]:
    rows = [
        f"{split},fer{row:07d}.png,{','.join(map(str, counts))}"
        for row, (split, counts) in enumerate(zip(SPLITS, make_votes()))
    ]
    return [f"Usage,Image name,{','.join(VOTE_COLUMNS)}", *rows]


def write_lines(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def write_source(folder: Path) -> Path:
    """fer2013.csv and fer2013new.csv in a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "fer2013.csv", csv_lines())
    write_lines(folder / "fer2013new.csv", vote_lines())
    return folder


def sample_arrays(each: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, labels and votes as the embedded sample holds them, `each` faces per class."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(7), each)
    votes = np.zeros((len(labels), 10), dtype=np.int64)
    votes[np.arange(len(labels)), np.array([4, 5, 6, 1, 3, 2, 0])[labels]] = 7
    votes[:, 8] = 3
    return rng.integers(0, 256, (len(labels), 48, 48), dtype=np.uint8), labels, votes


@contextmanager
def synthetic_sample(folder: Path, each: int = 2) -> Iterator[Path]:
    """Arrays of `sample_arrays` in place of the embedded sample, in this process alone."""
    file = folder / "faces.npz"
    write_sample(file, *sample_arrays(each))
    with MonkeyPatch.context() as patch:
        patch.setattr("datasets.sample.faces.FILE", file)
        patch.setattr("datasets.default_data.FILE", file)
        yield file


def chain(links: int, side: int = 48) -> np.ndarray:
    """Each face is the one before with more noise: near to its neighbours, not to the next ones."""
    rng = np.random.default_rng(5)
    faces = [rng.normal(127, 25, (side, side, 1))]
    for _ in range(links - 1):
        faces.append(faces[-1] + rng.normal(0, 0.24 * faces[-1].std(), (side, side, 1)))
    return np.clip(faces, 0, 255).round().astype(np.uint8)
