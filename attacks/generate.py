"""`python -m attacks.generate --data DIR --models ID --attack pgd --eps 4/255 --out DIR`.

Writes one folder per model, `OUT/MODEL-LABELS-ATTACK-NORM/` (MODEL: its id, or its folder's name):

    manifest.json, chunk-*.npz   the set, float32 (`attacks/sets/store.py`);
                                 `python -m evaluation.run --adversarial OUT` uses it
    success.csv                  one row per face: its file if it is one, label, smallest eps, and
                                 per eps whether the float32 image and its 8-bit copy are
                                 misclassified
    eps-4-255/SPLIT/CLASS/ROW.png  all faces at that eps, 8 bits: a data source for `--data`

`--out-format imagefolder`, `parquet` or `webdataset` writes these faces as `FORMAT/eps-4-255/`
instead, with a card. (`--format` names the form of the data that are read.)

Faces still classified correctly are written clean. The same command continues where a killed one
stopped. A model of several on which the attack fails is named at the end, with exit code 1; the
others are attacked anyway.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Exit, Option

from attacks.precision import Precision
from attacks.request import AttackRequest
from attacks.sets.forms.form import Form
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.base.machine_errors import is_of_machine
from datasets.base.options import as_command
from datasets.data_options import DataOptions
from datasets.faceset import FaceSet, Split
from datasets.image_source import UnitImages
from datasets.labels import LabelSet

if TYPE_CHECKING:
    from attacks.sets.contents import AdversarialSet
    from attacks.sets.spec import AttackSpec
    from fer_models.classifier import Classifier, DifferentiableClassifier


def _list(asked: bool) -> None:
    if asked:
        from fer_models.backend import quiet_backend

        quiet_backend()
        from attacks.options import option_table

        print("\n".join(option_table()))
        raise Exit


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(AttackRequest, DataOptions):
    """Which faces are attacked, on which models, how, and where the sets are written."""

    models: Annotated[str, Option(help="starter, all, or ids and folders: ID,ID,..")]
    out: Annotated[Path, Option(help="Folder for the sets.")]
    eps: Annotated[str, Option(help="Ascending eps grid, such as 2/255,4/255.")] = "4/255"
    labels: Annotated[LabelSet, Option(help="Labels that are attacked.")] = LabelSet.FER
    split: Annotated[
        Split | None,
        Option(
            help="Split of the data. Default: PublicTest, else Test, else Sample.",
            show_default=False,
        ),
    ] = None
    limit: Annotated[
        int | None, Option(min=1, help="Number of faces, from a seeded permutation. Default: all.")
    ] = None
    restarts: Annotated[int | None, Option(help="Random restarts. Default: the attack's.")] = None
    queries: Annotated[
        int | None, Option(help="Forward passes per image. Default: the attack's.")
    ] = None
    loss: Annotated[
        str | None, Option(help="Loss that the attack maximises. Default: the attack's.")
    ] = None
    targets: Annotated[int | None, Option(help="Number of target classes, for apgd_t.")] = None
    target: Annotated[
        str | None, Option(help="Target class of all faces, for universal and patch.")
    ] = None
    option: Annotated[
        list[str] | None, Option(help="Any other setting, NAME=VALUE; may be repeated.")
    ] = None
    sources: Annotated[str | None, Option(help="Surrogates, for transfer: ID,ID,..")] = None
    precision: Annotated[
        Precision, Option(help="Precision of gradients; auto: bfloat16 where it is as strong.")
    ] = Precision.AUTO
    out_format: Annotated[
        Form,
        Option(
            help="Form of the attacked images: npz writes folders of png by split and class; the "
            "others have a card and load elsewhere (docs/data.md)."
        ),
    ] = Form.NPZ
    list_: Annotated[
        bool,
        Option("--list", help="List attacks, norms and settings.", is_eager=True, callback=_list),
    ] = False

    def settings(self) -> dict[str, Any]:
        """Read the settings of the attack; a target is 0 until the model's classes are known.

        Raises:
            InputError: unknown attack or setting, or a value of the wrong kind.
        """
        from attacks.options import read_options

        names = ("steps", "restarts", "queries", "loss", "targets")
        given = {name: getattr(self, name) for name in names}
        given["target"] = None if self.target is None else 0
        words = [f"{name}={value}" for name, value in given.items() if value is not None]
        return read_options(self.attack, [*words, *(self.option or [])])


def main(request: GenerateRequest) -> int:
    """Make adversarial sets of a split: arrays, 8-bit images, success flags."""
    from attacks.threat_model import check_eps, parse_eps, parse_norm
    from faces.labelled import open_faces
    from fer_models.zoo import resolve

    norm = parse_norm(request.norm)
    grid = [parse_eps(text) for text in request.eps.split(",")]
    for value in grid:
        check_eps(value, norm)
    ids = resolve(request.models)
    from fer_models.backend import quiet_backend

    quiet_backend()
    from attacks.registry import attack_spec
    from attacks.transfer import Transfer

    options = request.settings()
    make_spec = partial(attack_spec, request.attack, norm, grid, request.labels, seed=request.seed)
    make_spec(**options)  # refuses wrong settings before any data are read
    if request.sources is not None and request.attack != Transfer.name:
        raise InputError(f"--sources is for --attack {Transfer.name}; got {request.attack}.")
    source_ids = [] if request.sources is None else resolve(request.sources, "--sources")
    source = open_faces(request)
    faces = source.faces(request.split or source.default_split)
    if request.labels not in faces.label_sets:
        votes = "Give --votes FILE, or" if request.labels is LabelSet.FERPLUS else "Give"
        raise InputError(
            f"{faces.name} has no {request.labels} labels. {votes} --labels {faces.label_sets[0]}."
        )
    surrogates = _surrogates(source_ids)
    if request.limit is not None:
        faces = faces.limit(request.limit, request.seed)

    named: dict[str, tuple[str, str]] = {}

    def attack(model: str) -> None:
        classifier = _loaded(model, surrogates)
        other, weights = named.setdefault(classifier.id, (model, classifier.weights_sha256))
        if weights != classifier.weights_sha256:
            raise InputError(
                f"its set would have the name of that of {other}, {classifier.id}. Attack it with "
                "another --out."
            )
        if request.target is not None:
            options["target"] = _class_index(request.target, classifier)
        _generate(classifier, faces, make_spec(**options), request)

    return 1 if _for_each(ids, attack) else 0


def _for_each(ids: list[str], attack: Callable[[str], None]) -> list[str]:
    """Attack every model, even if some of them fail; returns those that have no set.

    A single model raises its own error instead.
    """
    failed = []
    for model in ids:
        try:
            attack(model)
        except Exception as error:  # whatever it was, the other models still get their sets
            if len(ids) == 1 or is_of_machine(error):  # a full disk fails for all of them
                raise
            failed.append(model)
            print(f"no set of {model}: {' '.join(str(error).split())}", file=sys.stderr)
    if failed:
        names = ", ".join(failed)
        print(f"{len(failed)} of {len(ids)} models have no set: {names}", file=sys.stderr)
    return failed


def _loaded(model: str, surrogates: list["DifferentiableClassifier"]) -> "Classifier":
    """Load a model, to be attacked through the surrogates if there are any.

    The training's folder names it where it has one: those of one architecture share the card's id.
    """
    from attacks.transfer import TransferTarget
    from fer_models import zoo

    classifier = zoo.load(model)
    base, defences = zoo.split_defences(model)
    if (Path(base) / "card.json").exists():
        classifier.id = "+".join([Path(base).resolve().name, *defences])
    return TransferTarget(classifier, surrogates) if surrogates else classifier


def _surrogates(ids: list[str]) -> list["DifferentiableClassifier"]:
    """Load the models whose gradients a transfer attack follows."""
    from fer_models import zoo
    from fer_models.classifier import DifferentiableClassifier, label_set_of

    loaded = [zoo.load(model) for model in ids]
    known = [source for source in loaded if isinstance(source, DifferentiableClassifier)]
    if black_boxes := [source.id for source in loaded if source not in known]:
        raise InputError(
            f"--sources must give gradients; {black_boxes[0]} gives none. Leave it out."
        )
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
    request: GenerateRequest,
) -> None:
    """Write the set of one model, its images and its flags."""
    from attacks.broken import check_resolution
    from attacks.precision_trial import passes, try_reduced_precision
    from attacks.registry import ATTACKS
    from attacks.sets.sweep import make_adversarial_set
    from attacks.sets.task import AttackTask, CleanFaces
    from datasets.base.progress import bar
    from fer_models.classifier import label_set_of

    label_set = request.labels
    label_set_of(classifier, "attacked")  # refuses classes that no label set has
    translated = faces.labels(label_set).to(classifier.scheme)
    faces, values = faces.take(translated.present), translated.values[translated.present]
    images, clean = UnitImages(faces.images), CleanFaces.of(faces)
    name = f"{Path(classifier.id).name}-{label_set}-{spec.perturbation}-{spec.norm}"
    folder = request.out / name
    with locked(folder):  # a model that is refused leaves no folder behind
        classifier.keep_answers(request.out)
        check_resolution(classifier.id, classifier.logits(images))
        if request.precision is Precision.AUTO and ATTACKS[spec.perturbation].reduced_precision:
            planned = passes(spec, len(faces))
            classifier, why = try_reduced_precision(
                classifier, images, values, faces.row_ids, [spec], planned
            )
            if why:
                print(f"{name}: {classifier.precision}, {why}", file=sys.stderr)
        with bar(name) as on_chunk:
            made = make_adversarial_set(
                AttackTask(classifier, clean, values, spec), folder, on_chunk=on_chunk
            )
            survivors = _write_faces(made, classifier, images, faces, folder, request.out_format)
    if made.reused_chunks:
        print(f"{name}: {made.reused_chunks} of {len(made.header.chunks)} chunks reused")
    for line, after in zip(made.lines(), survivors, strict=True):
        print(f"{classifier.id} {label_set}: {line}; {after} after 8 bits")


def _write_faces(
    made: "AdversarialSet",
    classifier: "Classifier",
    clean: UnitImages,
    faces: FaceSet,
    folder: Path,
    form: Form,
) -> list[int]:
    """Write 8-bit images and flags of a set; how many faces break as such at each eps."""
    from attacks.sets.eight_bits import eight_bit_copies
    from attacks.sets.export import write_flags, write_images
    from attacks.sets.forms.card import Origin
    from attacks.sets.forms.files import write_form
    from evaluation.environment import environment

    packages = ("deadpan", "python", "keras", "tensorflow", "numpy")
    versions = {name: version for name, version in environment().items() if name in packages}
    model = Path(classifier.id).name
    origin = Origin(model, classifier.weights_sha256, faces.name, faces.split, versions)
    views = []
    for eps in made.spec.grid:
        copies = eight_bit_copies(made, classifier, clean, eps, faces.files)
        if form is Form.NPZ:
            write_images(copies, classifier.scheme, faces.split, folder)
        else:
            write_form(copies, classifier.scheme, origin, form, folder)
        views.append(copies)
    write_flags(views, folder / "success.csv")
    return [int((copies.right_when_clean & copies.wrong).sum()) for copies in views]


if __name__ == "__main__":
    run(as_command(GenerateRequest, main), prog="python -m attacks.generate")
