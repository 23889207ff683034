"""`python -m fer_models.generator.sample --data DIR`: draw the faces of the embedded sample.

Draws many faces of each expression, keeps those on which classifiers agree and which are no copies,
lets ten classifiers vote, and writes `faces.npz`. Needs a trained generator
(`python -m fer_models.generator.train`).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.commands import run
from datasets.errors import InputError

Option = typer.Option


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    weights: Annotated[Path, Option(help="Trained generator.")] = Path(
        "training/generator/weights.npz"
    ),
    out: Annotated[Path | None, Option(help="File to write; default: the embedded one.")] = None,
    count: Annotated[int, Option(min=1, help="Faces a class.")] = 100,
    candidates: Annotated[int, Option(min=1, help="Faces drawn a class.")] = 500,
    guidance: Annotated[float, Option(min=0, help="How plainly the expression is drawn.")] = 2.0,
    steps: Annotated[int, Option(min=1, help="Steps from noise to a face.")] = 30,
    seed: Annotated[int, Option(help="Of noise, examples, votes.")] = 0,
) -> None:
    """Draw, choose and label the embedded sample's faces."""
    from fer_models.backend import start_backend

    start_backend()
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
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(FER7.num_classes), candidates)
    faces = draw(generator, examples(training, classes, rng), seed, guidance, steps)
    classifiers = {name: load(name) for name in dict.fromkeys((*SELECTORS, *VOTERS))}

    novelty = reference(source)
    new = novelty.distances(faces).beyond(novelty.limits)
    answers = [probabilities(classifiers[name], faces) for name in SELECTORS]
    agreement = intended_probability(answers, classes)
    print(
        f"{len(faces)} drawn; {100 * new.mean():.1f} % new, "
        f"{100 * (agreement > 0).mean():.1f} % plain to all {len(SELECTORS)} selectors",
        file=sys.stderr,
    )
    try:
        rows = choose(agreement, classes, new, count)
    except ValueError as error:
        raise InputError(f"{error} (--candidates)") from error
    cast = cast_votes([probabilities(classifiers[name], faces[rows]) for name in VOTERS], rng)
    write_sample(out or FILE, faces[rows][..., 0], classes[rows], cast)
    print(f"{out or FILE}: {len(rows)} faces")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.generator.sample")
