"""`python -m fer_models.probe MODEL --data DIR`: find out how somebody's model wants to be read.

With `--write` the contract goes beside the model, and every other command can take it by path.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.commands import run

if TYPE_CHECKING:
    import numpy as np

Option = typer.Option


def main(
    model: Annotated[str, typer.Argument(help="A .keras, .h5, .tflite or .onnx file.")],
    data: Annotated[Path, Option(help="Labelled faces: csv, archive or folder.")],
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    faces: Annotated[int, Option(min=50, help="Faces to look at, spread over classes.")] = 400,
    write: Annotated[bool, Option("--write", help="Write the contract beside the model.")] = False,
) -> None:
    """Find input scaling, class order and kind of output of a model from labelled faces."""
    from fer_models.backend import start_backend

    start_backend()
    from datasets.faceset import Split
    from datasets.labels import LabelSet
    from datasets.read import load
    from fer_models.contract_file import write_contract
    from fer_models.contract_probe import probe, scheme_of
    from fer_models.foreign_formats import open_model

    raw = open_model(model)
    scheme = scheme_of(raw)
    source = load(data, Split.PUBLIC_TEST, votes=votes)
    labels = source.labels(LabelSet(scheme.name)).values
    rows = _spread(labels, faces, scheme.num_classes)
    images = source.images[rows].astype("float32") / 255
    found = probe(raw, images, labels[rows], scheme)
    print(f"{model}: {100 * found.accuracy:.1f} % of {len(rows)} faces, as many of each class")
    print(f"  size      {found.file.height}x{found.file.width}x{found.file.channels}")
    second, accuracy = found.runner_up
    print(f"  scaling   {found.scaling} (next: {second}, {100 * accuracy:.1f} %)")
    sure = dict(zip(scheme.classes, found.sureness))
    words = (f"{name} {100 * sure[name]:.0f} %" for name in found.file.classes)
    print(f"  outputs   {', '.join(words)}")
    removed = "; its softmax is taken off" if raw.softmax_removed else ""
    print(f"  kind      {found.file.output}{removed}")
    if write:
        path = Path(f"{model}.contract.json")
        write_contract(found.file, path)
        print(f"  contract  {path}")


def _spread(labels: "np.ndarray", count: int, classes: int) -> "np.ndarray":
    """About `count` rows, as many of each class as there are."""
    import numpy as np

    rng = np.random.default_rng(0)
    each = -(-count // classes)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:each] for k in range(classes)]
    return np.sort(np.concatenate(rows))


if __name__ == "__main__":
    run(main, prog="python -m fer_models.probe")
