"""`python -m fer_models.generator.train --data DIR`: train the generator of the embedded sample.

Reads only the Training split. Writes `weights.npz`, `history.csv` and the state for `--resume` into
`--out`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.locks import locked
from fer_models.recipe import Precision

if TYPE_CHECKING:
    import numpy as np

Option = typer.Option
WORK = Path("training/generator")
_WRITTEN = ("history.csv", "backup", "weights.npz")


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    votes: Annotated[
        Path | None, Option(help="FER+ votes, if they are not beside the data.")
    ] = None,
    out: Annotated[Path, Option(help="Work folder.")] = WORK,
    resume: Annotated[bool, Option("--resume", help="Continue an interrupted training.")] = False,
    epochs: Annotated[int, Option(min=1, help="Passes over the Training faces.")] = 24,
    batch_size: Annotated[int, Option(min=1, help="Faces per step.")] = 64,
    learning_rate: Annotated[float, Option(min=0, help="Peak learning rate.")] = 1.5e-3,
    limit: Annotated[int | None, Option(min=1, help="Training faces. Default: all.")] = None,
    seed: Annotated[int, Option(help="Random seed.")] = 0,
    precision: Annotated[
        Precision, Option(help="mixed_bfloat16 is about twice as fast on CPUs that have it.")
    ] = Precision.FLOAT32,
) -> None:
    """Train the generator to draw faces of a given expression."""
    with locked(out):
        if not resume and any((out / name).exists() for name in _WRITTEN):
            raise InputError(f"{out} holds a training. Add --resume, or name another --out.")
        _train(data, votes, out, epochs, batch_size, learning_rate, limit, seed, precision)


def _train(
    data: Path,
    votes: Path | None,
    out: Path,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    limit: int | None,
    seed: int,
    precision: Precision,
) -> None:
    """Train or continue in a locked folder; for the arguments see `main`.

    Raises:
        InputError: the data lack votes, or the loss becomes NaN.
    """
    from fer_models.backend import quiet_backend

    quiet_backend()
    import keras
    import numpy as np

    from fer_models.generator.flow import NUM_CONDITIONS, FlowBatches
    from fer_models.generator.net import build_generator
    from fer_models.weights import save_weights

    images, conditions = _clear_faces(data, votes, limit, seed)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(str(precision))
    try:
        generator = build_generator(images.shape[1:], NUM_CONDITIONS)
    finally:
        keras.config.set_dtype_policy("float32")
    done = _epochs_done(out / "history.csv")
    batches = FlowBatches(images, conditions, batch_size, seed, done)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * len(batches), warmup_target=learning_rate, warmup_steps=len(batches) // 2
    )
    generator.compile(
        keras.optimizers.AdamW(
            rate, weight_decay=1e-3, clipnorm=1.0, use_ema=True, ema_momentum=0.999
        ),
        loss="mean_squared_error",
    )
    fitted = generator.fit(
        batches,
        epochs=epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.BackupAndRestore(out / "backup", delete_checkpoint=False),
            keras.callbacks.CSVLogger(out / "history.csv", append=True),
        ],
    )
    if not np.isfinite(fitted.history.get("loss", [])).all():
        raise InputError(
            f"the loss must stay finite; it became NaN at --learning-rate {learning_rate:g}. Lower "
            "it, and name another --out."
        )
    save_weights(generator, out / "weights.npz")
    print(f"{out / 'weights.npz'}: {generator.count_params():,} parameters, {len(images)} faces")


def _clear_faces(
    data: Path, votes: Path | None, limit: int | None, seed: int
) -> tuple["np.ndarray", "np.ndarray"]:
    """Training faces with a FER+ label (so no blanks and no non-faces), and their conditions."""
    from datasets.faceset import Split
    from datasets.read import open_source
    from fer_models.generator.flow import conditions_of

    faces = open_source(data, votes).faces(Split.TRAINING, for_training=True)
    if faces.votes is None:
        raise InputError(f"{data}: the generator also learns FER+ votes; name them with --votes.")
    faces = faces if limit is None else faces.limit(limit, seed)
    conditions = conditions_of(faces)
    kept = conditions[:, 7:].any(axis=1)
    return faces.images[kept], conditions[kept]


def _epochs_done(history: Path) -> int:
    return len(history.read_text().splitlines()) - 1 if history.exists() else 0


if __name__ == "__main__":
    run(main, prog="python -m fer_models.generator.train")
