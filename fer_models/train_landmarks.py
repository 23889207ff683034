"""`python -m fer_models.train_landmarks --data DIR`: train the small landmark net on the face mesh.

Writes the weights and, beside them, a JSON with their sha256 and the error on PublicTest; by
default those that ship, `fer_models/shipped/weights/landmarks.npz`. It uses no emotion labels.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from datasets.base.writable import check_file
from fer_models.recipe import Precision, Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np

    from datasets.faceset import FaceSet

RECIPE = Recipe(
    epochs=10,
    batch_size=64,
    learning_rate=2e-3,
    shift=4.0,
    rotation=8.0,
    zoom=0.08,
    contrast=0.2,
    erase=0.1,
    calm_epochs=0,
)
"""Faces are varied as much as any training of a classifier varies them."""

Option = typer.Option


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    out: Annotated[Path | None, Option(help="Weights file. Default: the shipped one.")] = None,
    epochs: Annotated[int, Option(min=1, help="Passes over the Training faces.")] = RECIPE.epochs,
    limit: Annotated[int | None, Option(min=1, help="Training faces. Default: all.")] = None,
    seed: Annotated[int, Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    precision: Annotated[
        Precision, Option(help="mixed_bfloat16 is about twice as fast on CPUs that have it.")
    ] = Precision.FLOAT32,
) -> None:
    """Learn 68 points from the face mesh's answers on Training; measure them on PublicTest."""
    check_file(out, ".npz")
    from fer_models.backend import quiet_backend

    quiet_backend()
    import keras
    import numpy as np

    from datasets.base.hashes import file_sha256
    from datasets.faceset import Split
    from datasets.read import open_source
    from fer_models.architectures.landmark_net import SHIPPED, LandmarkFiles, build_landmark_net
    from fer_models.weights import load_weights, save_weights

    source = open_source(data)
    train = source.faces(Split.TRAINING, for_training=True)
    test = source.faces(Split.PUBLIC_TEST, for_training=True)
    images, points = _sure_faces(train if limit is None else train.limit(limit, seed))
    learnt = len(images)
    print(f"the mesh is sure of {learnt} Training faces", file=sys.stderr)
    if learnt < RECIPE.batch_size:
        raise InputError(
            f"{data}: expected {RECIPE.batch_size} Training faces that the face mesh is sure of, "
            f"found {learnt}. Give more faces, or raise --limit."
        )
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(str(precision))
    try:
        net = build_landmark_net()
        _fit(net, images, points, epochs, seed)
    finally:
        keras.config.set_dtype_policy("float32")
    files = SHIPPED if out is None else LandmarkFiles(out, out.with_suffix(".json"))
    save_weights(net, files.weights)
    stored = build_landmark_net()
    load_weights(stored, files.weights)
    images, points = _sure_faces(test)
    found = stored.predict(images.astype(np.float32) / 255, batch_size=256, verbose=0)
    errors = _errors(found * images.shape[2], points * images.shape[2])
    facts = {
        "sha256": file_sha256(files.weights),
        "training_faces": learnt,
        "epochs": epochs,
        "seed": seed,
        "precision": precision,
        **errors,
    }
    with atomic(files.facts) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=2) + "\n")
    print(
        f"{files.weights}: mean error {errors['error_px']:.2f} pixels of {images.shape[2]} on "
        f"{len(images)} PublicTest faces ({in_percent(errors['error_interocular'], 1)} % of the "
        f"distance between the eyes; mean shape: {errors['mean_shape_error_px']:.2f} pixels)"
    )


def _sure_faces(faces: "FaceSet") -> tuple["np.ndarray", "np.ndarray"]:
    """Images uint8 and the mesh's points float32 (N, 68, 2), in sides, where the mesh is sure."""
    import numpy as np

    from faces.landmarks import FaceMesh
    from fer_models.architectures.landmark_net import MESH_POINTS

    marks = FaceMesh().locate_crops(faces.images)
    height, width = faces.images.shape[1:3]
    points = marks.points[:, list(MESH_POINTS)] / (width, height)
    return faces.images[marks.found], points[marks.found].astype(np.float32)


def _fit(
    net: "keras.Model", images: "np.ndarray", points: "np.ndarray", epochs: int, seed: int
) -> list[float]:
    """Least mean distance per coordinate, in pixels; the rate falls to zero as a cosine.

    Returns:
        That distance in every epoch.
    """
    import keras
    import numpy as np

    net.get_layer("landmark_coordinates").bias.assign(points.mean(axis=0).ravel())
    steps = epochs * (len(images) // RECIPE.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(RECIPE.learning_rate, max(1, steps))
    net.compile(optimizer=keras.optimizers.Adam(rate), loss="mean_absolute_error")
    errors = []
    for epoch in range(epochs):
        rng = np.random.default_rng((seed, epoch))
        losses = [net.train_on_batch(*batch) for batch in _batches(images, points, rng)]
        errors.append(images.shape[2] * float(np.mean(losses)))
        print(
            f"epoch {epoch + 1} of {epochs}: {errors[-1]:.2f} pixels a coordinate",
            file=sys.stderr,
            flush=True,
        )
    return errors


def _batches(
    images: "np.ndarray", points: "np.ndarray", rng: "np.random.Generator"
) -> Iterator[tuple["np.ndarray", "np.ndarray"]]:
    """Shuffled batches of varied faces, float32 in [0, 1], and their points moved likewise."""
    from fer_models.architectures.landmark_net import move_points
    from fer_models.training.augmentation import warped_views

    order = rng.permutation(len(images))
    for start in range(0, len(order) - RECIPE.batch_size + 1, RECIPE.batch_size):
        rows = order[start : start + RECIPE.batch_size]
        views, warps = warped_views(images[rows], RECIPE, rng)
        yield views, move_points(points[rows], warps, images.shape[2])


def _errors(found: "np.ndarray", true: "np.ndarray") -> dict[str, float]:
    """Mean errors of the net and of the mean shape in pixels, and in distances of the eyes."""
    import numpy as np

    distances = np.linalg.norm(found - true, axis=2).mean(axis=1)
    eyes = np.linalg.norm(true[:, 36:42].mean(axis=1) - true[:, 42:48].mean(axis=1), axis=1)
    still = np.linalg.norm(true.mean(axis=0) - true, axis=2).mean()
    return {
        "error_px": round(float(distances.mean()), 3),
        "error_interocular": round(float((distances / eyes).mean()), 4),
        "mean_shape_error_px": round(float(still), 3),
        "publictest_faces": len(true),
    }


if __name__ == "__main__":
    run(main, prog="python -m fer_models.train_landmarks")
