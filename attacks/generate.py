"""`python -m attacks.generate --data DIR --models ID --attack pgd --eps 4/255 --out DIR`.

Writes one folder a model, `OUT/MODEL-LABELS-ATTACK-NORM/`:

    manifest.json, chunk-*.npz   the set, float32 (`attacks/sets/store.py`);
                                 `python -m evaluation.run --adversarial OUT` takes it back
    success.csv                  one line a face: label, smallest eps, and per eps whether the
                                 float32 image and its 8-bit copy are wrong
    eps-4-255/SPLIT/CLASS/ROW.png  all faces at that eps, 8 bits: a data source for `--data`

Faces that stand are written clean. The same command goes on where a killed one stopped. A model
that an attack cannot be made on is named at the end and keeps no other from being attacked.
"""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attacks.precision import Precision
from datasets.base.atomic import atomic
from datasets.base.commands import DATA_DEFAULT, run
from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.faceset import FaceSet, Split
from datasets.labels import LabelSet

if TYPE_CHECKING:
    import numpy as np

    from attacks.sets.contents import AdversarialSet
    from attacks.sets.spec import AttackSpec
    from fer_models.classifier import Classifier, DifferentiableClassifier

Option = typer.Option
_DATA_HELP = f"FER2013 csv, archive or folder, image folders, or `sample`. {DATA_DEFAULT}"


def _list(asked: bool) -> None:
    if asked:
        from fer_models.backend import start_backend

        start_backend()
        from attacks.options import option_table

        print("\n".join(option_table()))
        raise typer.Exit


def main(
    models: Annotated[str, Option(help="starter, all, or ids and folders: ID,ID,..")],
    out: Annotated[Path, Option(help="Where the sets go.")],
    data: Annotated[Path | None, Option(help=_DATA_HELP)] = None,
    attack: Annotated[str, Option(help="Name of an attack; --list names all.")] = "pgd",
    norm: Annotated[str, Option(help="linf, l2 or l1.")] = "linf",
    eps: Annotated[str, Option(help="Ascending grid, such as 2/255,4/255.")] = "4/255",
    labels: Annotated[LabelSet, Option(help="Labels that are attacked.")] = LabelSet.FER,
    split: Annotated[
        Split | None,
        Option(help="Part of the data. Default: PublicTest, else Test.", show_default=False),
    ] = None,
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    limit: Annotated[
        int | None, Option(min=1, help="First faces of a seeded permutation; all by default.")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Of every draw.")] = 0,
    steps: Annotated[int | None, Option(help="Gradient steps. Default: the attack's.")] = None,
    restarts: Annotated[int | None, Option(help="Starting points. Default: the attack's.")] = None,
    queries: Annotated[int | None, Option(help="Forward passes. Default: the attack's.")] = None,
    loss: Annotated[str | None, Option(help="What is climbed. Default: the attack's.")] = None,
    targets: Annotated[int | None, Option(help="Other classes that apgd_t aims at.")] = None,
    target: Annotated[
        str | None, Option(help="Class that universal or patch drives all faces to.")
    ] = None,
    option: Annotated[
        list[str] | None, Option(help="Any other setting, NAME=VALUE; may be repeated.")
    ] = None,
    sources: Annotated[
        str | None, Option(help="Of transfer: models the images are made on, ID,ID,..")
    ] = None,
    precision: Annotated[
        Precision, Option(help="auto: bfloat16 where a trial shows it is as strong.")
    ] = Precision.AUTO,
    list_: Annotated[
        bool,
        Option("--list", help="Name attacks, norms and settings.", is_eager=True, callback=_list),
    ] = False,
) -> None:
    """Make adversarial sets of a split: arrays, 8-bit images, success flags."""
    from attacks.threat_model import check_eps, parse_eps, parse_norm
    from datasets.default_data import data_or_default
    from datasets.read import load
    from fer_models.zoo import resolve

    known_norm = parse_norm(norm)
    grid = [parse_eps(text) for text in eps.split(",")]
    for value in grid:
        check_eps(value, known_norm)
    ids = resolve(models)
    from fer_models.backend import start_backend

    start_backend()
    from attacks.options import read_options
    from attacks.registry import attack_spec
    from attacks.transfer import Transfer, TransferTarget
    from fer_models import zoo

    given = {"steps": steps, "restarts": restarts, "queries": queries, "loss": loss}
    given |= {"targets": targets, "target": None if target is None else 0}  # a class of each model
    words = [f"{name}={value}" for name, value in given.items() if value is not None]
    options = read_options(attack, [*words, *(option or [])])
    make_spec = partial(attack_spec, attack, known_norm, grid, labels, seed=seed)
    make_spec(**options)  # refuses wrong settings before anything is read
    if sources is not None and attack != Transfer.name:
        raise InputError(f"--sources is for --attack {Transfer.name}; got {attack}.")
    source_ids = [] if sources is None else resolve(sources, "--sources")
    faces = load(data_or_default(data), split, votes=votes).limit(limit, seed)
    if labels not in faces.label_sets:
        raise InputError(f"{faces.name} has no {labels} labels. Give --votes FILE for ferplus.")
    surrogates = _surrogates(source_ids)
    failed = []
    for model in ids:
        try:
            classifier = zoo.load(model)
            if surrogates:
                classifier = TransferTarget(classifier, surrogates)
            if target is not None:
                options["target"] = _class_index(target, classifier)
            _generate(classifier, faces, make_spec(**options), labels, out, precision)
        except Exception as error:  # whatever one model dies of, the others get their sets
            if len(ids) == 1:
                raise
            failed.append(f"{model}: {' '.join(str(error).split())}")
            print(f"no set of {failed[-1]}", file=sys.stderr)
    if failed:
        raise InputError(f"{len(failed)} of {len(ids)} models have no set: {'; '.join(failed)}")


def _surrogates(ids: list[str]) -> list["DifferentiableClassifier"]:
    """The models that images for others are made on."""
    from fer_models import zoo
    from fer_models.classifier import DifferentiableClassifier, label_set_of

    loaded = [zoo.load(model) for model in ids]
    known = [source for source in loaded if isinstance(source, DifferentiableClassifier)]
    if blind := [source.id for source in loaded if source not in known]:
        raise InputError(f"--sources must give gradients; {blind[0]} gives none. Leave it out.")
    for source in known:
        label_set_of(source, "a source")
    return known


def _class_index(name: str, classifier: "Classifier") -> int:
    classes = classifier.scheme.classes
    if name not in classes:
        raise InputError(
            f"--target must be a class of {classifier.id}: {', '.join(classes)}; got {name!r}."
        )
    return classes.index(name)


def _generate(
    classifier: "Classifier",
    faces: FaceSet,
    spec: "AttackSpec",
    label_set: LabelSet,
    out: Path,
    precision: Precision,
) -> None:

    from attacks.precision_trial import passes, try_reduced_precision
    from attacks.registry import ATTACKS
    from attacks.sets.sweep import CleanFaces, make_adversarial_set
    from datasets.base.progress import bar
    from fer_models.classifier import label_set_of

    label_set_of(classifier, "attacked")  # refuses classes that no label set has
    translated = faces.labels(label_set).to(classifier.scheme)
    faces, values = faces.take(translated.present), translated.values[translated.present]
    clean = CleanFaces.of(faces)
    name = f"{Path(classifier.id).name}-{label_set}-{spec.perturbation}-{spec.norm}"
    if precision is Precision.AUTO and ATTACKS[spec.perturbation].reduced_precision:
        planned = passes(spec, len(faces))
        classifier, why = try_reduced_precision(
            classifier, clean.images, values, faces.row_ids, [spec], planned
        )
        if why:
            print(f"{name}: {classifier.precision}, {why}", file=sys.stderr)
    with locked(out / name), bar(name) as on_chunk:
        made = make_adversarial_set(classifier, clean, values, spec, out / name, on_chunk=on_chunk)
        survivors = _write_images(made, classifier, clean.images, faces.split, out / name)
        _write_flags(made, survivors, out / name / "success.csv")
    if made.reused_chunks:
        print(f"{name}: {made.reused_chunks} of {len(made.header.chunks)} chunks reused")
    right = made.smallest_eps != 0
    for e, line in enumerate(made.lines()):
        print(f"{classifier.id} {label_set}: {line}; {survivors[right, e].sum()} after 8 bits")


def _write_images(
    made: "AdversarialSet",
    classifier: "Classifier",
    clean: "np.ndarray",
    split: Split,
    directory: Path,
) -> "np.ndarray":
    """Write the 8-bit images of every eps; bool (N, E): whose 8-bit copy is still wrong."""
    import numpy as np

    from attacks.threat_model import format_eps
    from datasets.folders import write_folders

    wrong = []
    for eps in made.spec.grid:
        images = np.rint(made.attacked(clean, eps) * 255).astype(np.uint8)
        folder = directory / f"eps-{format_eps(eps).replace('/', '-')}"
        write_folders(images, made.labels, classifier.scheme, made.row_ids, split, folder)
        predicted = classifier.predict(images.astype(np.float32) / np.float32(255))
        wrong.append(predicted != made.labels)
    return np.stack(wrong, axis=1)


def _write_flags(made: "AdversarialSet", survivors: "np.ndarray", path: Path) -> None:
    import pandas as pd

    from attacks.threat_model import format_eps

    columns = {
        "row": made.row_ids,
        "label": [made.header.classes[label] for label in made.labels],
        "smallest_eps": made.smallest_eps,
    }
    for e, eps in enumerate(made.spec.grid):
        columns[f"wrong at {format_eps(eps)}"] = made.success[:, e]
        columns[f"wrong at {format_eps(eps)} after 8 bits"] = survivors[:, e]
    with atomic(path) as unfinished:
        pd.DataFrame(columns).to_csv(unfinished, index=False)


if __name__ == "__main__":
    run(main, prog="python -m attacks.generate")
