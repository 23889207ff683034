"""`python -m fer_models.generator.sample --data DIR`: draw the faces of the embedded sample.

Draws many faces of each expression, keeps those that a face mesh finds, that classifiers agree on
and that are not copies, lets ten classifiers vote, and writes `faces.npz`. Needs a trained
generator (`python -m fer_models.generator.train`).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError

Option = typer.Option
DRAWN = 128
"""Number of faces drawn per round for each class that is not full yet."""


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    votes: Annotated[
        Path | None, Option(help="FER+ votes, if they are not beside the data.")
    ] = None,
    weights: Annotated[Path, Option(help="Trained generator.")] = Path(
        "training/generator/weights.npz"
    ),
    out: Annotated[Path | None, Option(help="File to write. Default: the embedded one.")] = None,
    count: Annotated[int, Option(min=1, help="Number of faces per class.")] = 100,
    rounds: Annotated[int, Option(min=1, help="Attempts to fill every class.")] = 20,
    guidance: Annotated[
        float, Option(min=0, help="Strength of guidance; more makes the expression clearer.")
    ] = 2.5,
    steps: Annotated[int, Option(min=1, help="Integration steps from noise to a face.")] = 15,
    seed: Annotated[int, Option(help="Random seed.")] = 0,
) -> None:
    """Draw, choose and label the embedded sample's faces."""
    from faces.landmarks import FaceMesh
    from fer_models.backend import quiet_backend

    quiet_backend()
    import numpy as np

    from datasets.faceset import Split
    from datasets.labels import FER7
    from datasets.read import open_source
    from datasets.sample.faces import FILE, write_sample
    from fer_models.generator.flow import NUM_CONDITIONS, draw
    from fer_models.generator.net import build_generator
    from fer_models.generator.novelty import reference
    from fer_models.generator.selection import (
        SELECTORS,
        VOTERS,
        cast_votes,
        choose,
        examples,
        intended_probability,
        probabilities,
    )
    from fer_models.weights import load_weights
    from fer_models.zoo import load

    source = open_source(data, votes)
    training = source.faces(Split.TRAINING, for_training=True)
    generator = build_generator(training.images.shape[1:], NUM_CONDITIONS)
    load_weights(generator, weights)
    novelty, mesh = reference(source), FaceMesh()
    selectors = [load(name) for name in SELECTORS]
    rng = np.random.default_rng(seed)
    faces = np.empty((0, *training.images.shape[1:]), np.uint8)
    classes, agreement = np.empty(0, np.int64), np.empty(0)
    missing = np.arange(FER7.num_classes)
    for turn in range(rounds):
        wanted = np.repeat(missing, DRAWN)
        drawn = draw(generator, examples(training, wanted, rng), seed + turn, guidance, steps)
        answers = [probabilities(selector, drawn) for selector in selectors]
        kept = novelty.distances(drawn).beyond(novelty.limits) & mesh.locate_crops(drawn).found
        faces, classes = np.concatenate([faces, drawn]), np.concatenate([classes, wanted])
        sure = np.where(kept, intended_probability(answers, wanted), 0)
        agreement = np.concatenate([agreement, sure])
        counts = np.bincount(classes[agreement > 0], minlength=FER7.num_classes)
        words = ", ".join(f"{name} {n}" for name, n in zip(FER7.classes, counts))
        print(f"{len(faces)} drawn, kept: {words}", file=sys.stderr, flush=True)
        missing = np.flatnonzero(counts < count)
        if not len(missing):
            break
    try:
        rows = choose(agreement, classes, count)
    except ValueError as error:
        raise InputError(f"{error} (--rounds)") from error
    voters = [load(name) for name in VOTERS]
    cast = cast_votes([probabilities(voter, faces[rows]) for voter in voters], rng)
    write_sample(out or FILE, faces[rows][..., 0], classes[rows], cast)
    print(f"{out or FILE}: {len(rows)} faces")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.generator.sample")
