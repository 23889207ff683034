"""`python -m benchmarks.people FOLDER --data DIR`: how well `--people` tells people apart.

FOLDER holds a folder per person with clips. Faces of every `EVERY` frames are compared in pairs: of
one person, and of two people. Beside them are
pairs of FER2013's PublicTest faces (48 pixels, grey): FER2013 names nobody, but two of its faces at
random are hardly ever one person, so their share below a threshold is an upper bound of false
matches of such poor pictures. Near duplicates are left out. Intervals are of people or faces drawn
again, since pairs that share a face are not independent; of fewer than five people there is none.
Prints the section `## People` of `docs/benchmarks.md`.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from faces.descriptor import FaceDescriber
from faces.landmarks import FaceMesh

EVERY = 12
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6)
DRAWS = 400
LARGE = 192
"""Side to which FER2013's faces are enlarged, in pixels."""


def main(
    folder: Annotated[Path, typer.Argument(help="A folder per person with clips.")],
    data: Annotated[str, typer.Option(help="Folder with fer2013.csv.")],
    faces: Annotated[int, typer.Option(min=2, help="Faces of FER2013.")] = 300,
) -> None:
    """Measure distances between faces of one person and of two."""
    describer, mesh = FaceDescriber(), FaceMesh()
    people = {
        person.name: [_of_clip(clip, describer, mesh) for clip in sorted(person.iterdir())]
        for person in sorted(folder.iterdir())
        if person.is_dir()
    }
    if len(people) < 2:
        raise InputError(f"{folder}: expected folders of two people or more; got {len(people)}.")
    same, other = pairs(people)
    strangers = _strangers(data, faces, describer, mesh)
    print(_section(same, other, strangers, len(people)))


def pairs(people: dict[str, list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Distances between faces of one person, and of two; faces (N, 128) by person and clip."""
    joined = [np.concatenate(clips) for clips in people.values()]
    same = [_between(mine, mine)[np.triu_indices(len(mine), 1)] for mine in joined]
    other = [
        _between(mine, theirs).ravel()
        for i, mine in enumerate(joined)
        for theirs in joined[i + 1 :]
    ]
    return np.concatenate(same), np.concatenate(other)


def false_matches(distances: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """Share of pairs of strangers at most this far apart, and its 95 % interval.

    Args:
        distances: (N, N) between faces of N people.
        threshold: largest distance.

    The interval is of faces drawn again with their pairs, pairs of a face with itself left out
    (the bootstrap of two-way arrays; Owen, "The pigeonhole bootstrap", 2007).
    """
    close = distances <= threshold
    rng, count = np.random.default_rng(0), len(distances)
    apart = ~np.eye(count, dtype=bool)
    drawn = []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)
        both = np.outer(weights, weights) * apart
        drawn.append((both * close).sum() / both.sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(close[apart].mean()), float(low), float(high)


def _between(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.linalg.norm(one[:, None] - two[None], axis=2)
    return found


def _of_clip(clip: Path, describer: FaceDescriber, mesh: FaceMesh) -> np.ndarray:
    """Descriptors of the face of every few frames in which exactly one is seen."""
    from faces.detectors import make_detector
    from live.pipeline import find_faces
    from live.video.clip import open_clip

    detector, crops = make_detector("blazeface"), []
    with open_clip(clip) as opened:
        for frame in opened.frames():
            if frame.index % EVERY:
                continue
            boxes = find_faces(frame.image, detector, max(frame.image.shape))
            marks = mesh.locate(frame.image, [detector.frame(box) for box in boxes])
            if marks.found.sum() == 1:
                crops.append(describer.crop(frame.image, marks.points[marks.found][0]))
    return describer.describe(np.array(crops))


def _strangers(data: str, count: int, describer: FaceDescriber, mesh: FaceMesh) -> np.ndarray:
    """Distances between faces of FER2013, (N, N)."""
    from datasets.faceset import Split
    from datasets.read import load

    found = load(data, Split.PUBLIC_TEST)
    _, firsts = np.unique(found.groups, return_index=True)  # one face per group of duplicates
    chosen = np.random.default_rng(0).permutation(firsts)
    crops = []
    for i in chosen:
        grey = cv2.resize(found.images[i, :, :, 0], (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
        image = np.repeat(grey[..., None], 3, axis=2)
        marks = mesh.locate_crops(image[None])
        if marks.found[0]:
            crops.append(describer.crop(image, marks.points[0]))
        if len(crops) == count:
            break
    described = describer.describe(np.array(crops))
    return _between(described, described)


def _section(same: np.ndarray, other: np.ndarray, strangers: np.ndarray, people: int) -> str:
    rows = []
    for threshold in THRESHOLDS:
        share, low, high = false_matches(strangers, threshold)
        rows.append(
            f"| {threshold} | {in_percent(float(np.mean(same > threshold)), 1)} % | "
            f"{in_percent(float(np.mean(other <= threshold)), 1)} % | {in_percent(share, 2)} % "
            f"({in_percent(low, 2)} to {in_percent(high, 2)}) |"
        )
    count = len(strangers)
    return "\n".join(
        [
            "## People",
            "",
            f"Distances of single frames, {people} people in all, so without intervals:",
            f"{len(same)} pairs of one person (median {np.median(same):.2f}, largest",
            f"{same.max():.2f}) and {len(other)} of two (smallest {other.min():.2f}, median",
            f"{np.median(other):.2f}). Beside them {count * (count - 1) // 2} pairs of {count}",
            "FER2013 faces, with 95 % intervals of faces drawn again;",
            "`python -m benchmarks.people FOLDER --data DIR`:",
            "",
            "| threshold | one person, further apart | two people, closer | FER2013, closer |",
            "|---|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.people")
