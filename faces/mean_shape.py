"""`python -m faces.mean_shape --data DIR`: average the landmarks of FER2013's Training faces.

Writes `faces/mean_shape.npy`, which `faces/landmarks.py` reads; prints the share of faces that the
mesh found.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run
from datasets.base.percentages import in_percent

_FILE = Path(__file__).with_suffix(".npy")


def main(
    data: Annotated[Path, typer.Option(help="FER2013: a csv, an archive or a folder.")],
    limit: Annotated[int, typer.Option(min=1, help="Number of Training faces.")] = 500,
    seed: Annotated[int, typer.Option(help="Random seed for the choice of faces.")] = 0,
    out: Annotated[Path, typer.Option(help="File to write.")] = _FILE,
) -> None:
    """Average the landmarks of the Training faces that the mesh finds."""
    import numpy as np

    from datasets.base.errors import InputError
    from datasets.faceset import Split
    from datasets.read import open_source
    from faces.landmarks import MIN_SCORE, FaceMesh

    faces = open_source(data).faces(Split.TRAINING, for_training=True).limit(limit, seed)
    mesh = FaceMesh(min_score=0)  # so that no mean shape is needed
    marks = mesh.locate_crops(faces.images)
    sure = marks.scores >= MIN_SCORE
    if not sure.any():
        raise InputError(f"{data}: expected faces; the mesh finds none in {len(faces)} images.")
    height, width = faces.images.shape[1:3]
    shape = (marks.points[sure] / (width, height)).mean(axis=0).astype(np.float32)
    np.save(out, shape)
    found = in_percent(sure.mean(), 1)
    print(f"{out}: mean of {sure.sum()} of {len(faces)} faces ({found} % found)")


if __name__ == "__main__":
    run(main, prog="python -m faces.mean_shape")
