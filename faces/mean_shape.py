"""`python -m faces.mean_shape --data DIR`: the mean landmarks of FER2013's Training faces.

Writes `faces/mean_shape.npy`, which `faces/landmarks.py` reads; prints on how many of the faces
the mesh was sure.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run

_FILE = Path(__file__).with_suffix(".npy")


def main(
    data: Annotated[Path, typer.Option(help="FER2013: a csv, an archive or a folder.")],
    limit: Annotated[int, typer.Option(min=1, help="How many Training faces.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the choice of faces.")] = 0,
    out: Annotated[Path, typer.Option(help="File to write.")] = _FILE,
) -> None:
    """Average the landmarks of the Training faces on which the mesh is sure."""
    import numpy as np

    from datasets.base.errors import InputError
    from datasets.faceset import Split
    from datasets.read import open_source
    from faces.landmarks import MIN_SCORE, FaceMesh

    faces = open_source(data).faces(Split.TRAINING, for_training=True).limit(limit, seed)
    mesh = FaceMesh(min_score=0)  # so that no mean shape is needed to make one
    marks = mesh.locate_crops(faces.images)
    sure = marks.scores >= MIN_SCORE
    if not sure.any():
        raise InputError(f"{data}: expected faces; the mesh is sure of none of {len(faces)}.")
    height, width = faces.images.shape[1:3]
    shape = (marks.points[sure] / (width, height)).mean(axis=0).astype(np.float32)
    np.save(out, shape)
    print(f"{out}: mean of {sure.sum()} of {len(faces)} faces ({sure.mean():.1%} found)")


if __name__ == "__main__":
    run(main, prog="python -m faces.mean_shape")
