"""`python -m evaluation.verify SET MODEL`: check claimed adversarial images.

SET is a folder of `attacks.generate` or of a run's `sets/` (its clean images come from `--data`),
or any `.npz` with the arrays `clean` and `adversarial`, float (N, H, W, C) in [0, 1], and
`labels`, integers (N,) in the model's class order. Exit 1 when a claim does not hold, or
there is none to check.

`--into RUN` adds the confirmed images to a finished run: its best-known figures and leaderboard. A
`.npz` then also needs `rows`, integers (N,): row numbers of the faces in `--data`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from datasets.base.commands import run
from datasets.base.errors import DAMAGED_ARRAYS, InputError, words_of
from datasets.base.options import as_command, parse_choice
from datasets.base.special_files import refuse_special_file
from datasets.data_options import DataOptions

if TYPE_CHECKING:
    import numpy as np

    from attacks.threat_model import Norm
    from datasets.faceset import FaceSet
    from datasets.labels import Labels
    from evaluation.comparing.verification import Verification
    from fer_models.classifier import Classifier

Option = typer.Option
_ARRAYS = ("clean", "adversarial", "labels")


class Claim(NamedTuple):
    """Images that are claimed to fool a model; arrays as for `verify_images`.

    `rows` int64 (N,), `attacked_labels` and `pixels`, `FaceSet.pixel_hashes`, identify the faces,
    where they are known, and `truth` has their labels in the data.
    """

    clean: "np.ndarray"
    attacked: "np.ndarray"
    labels: "np.ndarray"
    norm: "Norm"
    eps: "np.ndarray"
    rows: "np.ndarray | None" = None
    attacked_labels: str = ""
    pixels: "np.ndarray | None" = None
    truth: "Labels | None" = None


@dataclass(frozen=True, kw_only=True)
class VerifyRequest(DataOptions):
    """Which images are checked on which model, and the faces that they were made from."""

    set_path: Annotated[Path, typer.Argument(metavar="SET", help="Folder of a set, or a .npz.")]
    model: Annotated[str, typer.Argument(help="Model id, folder of a training, or path.")]
    split: Annotated[
        str | None,
        Option(
            help="For a folder, or --into: split of the data. Default: PublicTest, else Test, else "
            "Sample."
        ),
    ] = None
    norm: Annotated[str | None, Option(help="For a .npz: linf, l2 or l1. Default: linf.")] = None
    eps: Annotated[str | None, Option(help="For a .npz: the budget, such as 8/255.")] = None
    into: Annotated[
        Path | None, Option(metavar="RUN", help="Add the confirmed images to this finished run.")
    ] = None


def main(request: VerifyRequest) -> int:
    """Check range, norm and success of claimed adversarial images on a model."""
    set_path, model, into = request.set_path, request.model, request.into
    from attacks.threat_model import format_eps
    from fer_models.backend import quiet_backend
    from fer_models.zoo import describe

    describe(model)
    _check_used(request)
    if into:
        from evaluation.results.run import FinishedRun

        _ = FinishedRun(into).config  # refused before the model is loaded
    quiet_backend()
    claim = (
        _from_folder(set_path, request)
        if set_path.is_dir()
        else _from_npz(set_path, request.norm or "linf", request.eps)
    )
    from evaluation.comparing.verification import verify_images
    from fer_models.zoo import load

    classifier = load(model)
    _check_classes(set_path, classifier)
    _check_labels(set_path, claim, classifier)
    if into and not set_path.is_dir():
        claim = _with_rows(claim, set_path, classifier, request)
    found = verify_images(
        classifier, claim.clean, claim.attacked, claim.labels, claim.norm, claim.eps
    )
    largest = format_eps(float(claim.eps.max(initial=0.0)))
    print(f"{set_path} against {classifier.id}: {found.claimed} images claimed to fool it")
    print(f"in [0, 1]: {found.in_range} of {found.claimed}")
    print(
        f"within {claim.norm} {largest}: {found.in_budget} of {found.claimed}, "
        f"the largest is {found.largest:.4f} of its budget"
    )
    print(f"classified correctly before the attack: {found.right_before} of {found.claimed}")
    print(
        f"confirmed: {found.confirmed} of {found.claimed}; "
        f"{found.confirmed_8bit} also rounded to 8 bits within eps"
    )
    print(found.verdict)
    if into:
        _count(into, set_path, classifier, claim, found)
    return 0 if found.holds else 1


def _check_used(request: VerifyRequest) -> None:
    """Refuse options for the data where the data are not read."""
    given = [*(["--split"] if request.split else []), *request.given()]
    if given and not (request.into or request.set_path.is_dir()):
        raise InputError(
            f"{request.set_path}: a .npz holds its clean images, which are compared with the data "
            f"for --into RUN alone; got {given[0]}. Leave it out."
        )


def _from_folder(folder: Path, request: VerifyRequest) -> Claim:
    """Broken images of a stored set, with the clean ones from the data."""
    import numpy as np

    from attacks.sets.contents import AdversarialSet, TransferSet
    from attacks.sets.store import open_set
    from datasets.labels import LabelSet

    if given := request.norm or request.eps:
        raise InputError(
            f"{folder}: a set holds its own norm and eps; --norm and --eps are for a .npz; got "
            f"{given}. Leave them out."
        )
    _check_is_set(folder)
    adversarial = open_set(folder)
    if not isinstance(adversarial, AdversarialSet):
        is_attack = isinstance(adversarial, TransferSet)
        kind = "images for other models" if is_attack else "corrupted ones"
        raise InputError(f"{folder}: expected images that fool a model, found {kind}.")
    faces = _faces(request)
    place = {row: index for index, row in enumerate(faces.row_ids.tolist())}
    places = np.array([place.get(row, -1) for row in adversarial.row_ids.tolist()])
    same = -1 not in places and faces.take(places).sha256 == adversarial.header.faces_sha256
    if not same or adversarial.spec.attacked_labels not in faces.label_sets:
        raise InputError(
            f"{folder}: made of other faces, labels or votes than those of {faces.name} "
            f"{faces.split}. Give the --data, --split and other options it was made of."
        )
    rows, attacked_labels = adversarial.image_rows, LabelSet(adversarial.spec.attacked_labels)
    clean = faces.images[places[rows]].astype(np.float32) / 255
    return Claim(
        clean,
        np.asarray(adversarial.images),
        adversarial.labels[rows],
        adversarial.spec.norm,
        adversarial.smallest_eps[rows],
        adversarial.row_ids[rows],
        attacked_labels,
        faces.pixel_hashes[places[rows]],
        faces.labels(attacked_labels).take(places[rows]),
    )


def _check_is_set(folder: Path) -> None:
    """Refuse a folder of sets, as `attacks.generate` and runs write them."""
    from attacks.sets.store import MANIFEST, chunk_path
    from datasets.base.counted import counted

    found = sorted(
        path.parent for level in ("*/", "sets/*/") for path in folder.glob(level + MANIFEST)
    )
    if found and not chunk_path(folder, 0).exists():
        raise InputError(
            f"{folder}: expected one set, found a folder of {counted(len(found), 'set')}. Name "
            f"one, such as {found[0]}."
        )


def _faces(request: VerifyRequest) -> "FaceSet":
    """The faces that the claimed images were made from."""
    from datasets.faceset import Split
    from faces.labelled import open_faces

    split = parse_choice(Split, request.split, "--split") if request.split else None
    source = open_faces(request)
    return source.faces(split or source.default_split)


def _from_npz(path: Path, norm: str, eps: str | None) -> Claim:
    import numpy as np
    from numpy.lib.npyio import NpzFile

    from attacks.threat_model import check_eps, parse_eps, parse_norm

    known, budget = parse_norm(norm), parse_eps(eps or "0")
    if not budget:
        raise InputError(f"{path}: give the claimed budget with --eps, such as --eps 8/255.")
    refuse_special_file(path, "a .npz")
    try:
        with open(path, "rb") as file, NpzFile(file, allow_pickle=False) as archive:
            read = {name: archive[name] for name in archive.files}
            arrays = {name: array for name, array in read.items() if isinstance(array, np.ndarray)}
    except DAMAGED_ARRAYS as error:
        raise InputError(
            f"{path}: expected an intact .npz of arrays, found {words_of(error)}. Save it again."
        ) from error
    if missing := [name for name in _ARRAYS if name not in arrays]:
        raise InputError(
            f"{path}: expected arrays {', '.join(_ARRAYS)}; {missing[0]} is missing, found "
            f"{', '.join(arrays) or 'none'}."
        )
    clean, attacked, labels = (arrays[name] for name in _ARRAYS)
    for name, images in (("clean", clean), ("adversarial", attacked)):
        floats = images.ndim == 4 and images.dtype.kind == "f"
        if not floats or images.shape[3] not in (1, 3) or not images.size:
            raise InputError(
                f"{path}: {name} must be float (N, H, W, C) in [0, 1], not empty, C = 1 or 3; "
                f"found {images.dtype} {images.shape}."
            )
    if not (clean.min() >= 0 and clean.max() <= 1):
        raise InputError(
            f"{path}: clean must be in [0, 1]; found {clean.min():g} to {clean.max():g}. "
            "Divide 0-255 pixels by 255."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"{path}: labels must be integers (N,); found {labels.dtype} {labels.shape}."
        )
    check_eps(budget, known, int(np.prod(clean.shape[1:])))
    return Claim(
        clean.astype(np.float32),
        attacked.astype(np.float32),
        labels.astype(np.int64),
        known,
        np.full(len(labels), budget),
        arrays.get("rows"),
    )


def _with_rows(claim: Claim, path: Path, classifier: "Classifier", request: VerifyRequest) -> Claim:
    """The claim of a `.npz`, once each clean image is the face of its row, pixel by pixel."""
    import numpy as np

    from fer_models.classifier import label_set_of

    rows = claim.rows
    if rows is None or rows.shape != claim.labels.shape or rows.dtype.kind not in "iu":
        raise InputError(
            f"{path}: --into needs `rows`, integers (N,): row numbers of the faces in the data."
        )
    faces = _faces(request)
    place = {row: index for index, row in enumerate(faces.row_ids.tolist())}
    for row, clean in zip(rows.tolist(), claim.clean, strict=True):
        face = faces.images[place[row]] / 255 if row in place else None
        if face is None or face.shape != clean.shape or np.abs(face - clean).max() > 1e-6:
            raise InputError(
                f"{path}: the clean image of row {row} is not that face of {faces.name} "
                f"{faces.split}. Give the --data and --split, or correct `rows`."
            )
    return claim._replace(
        rows=rows.astype(np.int64),
        attacked_labels=label_set_of(classifier),
        pixels=faces.pixel_hashes[[place[row] for row in rows.tolist()]],
    )


def _count(
    run: Path, path: Path, classifier: "Classifier", claim: Claim, found: "Verification"
) -> None:
    """Store confirmed images in a run and recompute its figures."""
    from datasets.base.locks import locked
    from evaluation.figures.score_run import rescore
    from evaluation.results.outside import keep_outside
    from evaluation.results.run import FinishedRun
    from evaluation.stages.fingerprints import check_measured

    assert claim.rows is not None and claim.pixels is not None
    finished = FinishedRun(run)
    check_measured(finished, classifier)
    labels, norm = claim.attacked_labels, str(claim.norm)
    name = _outside_name(path, classifier)
    with locked(run):  # else the figures could lack what another command adds meanwhile
        kept = keep_outside(
            finished, name, classifier, labels, norm, claim.rows, claim.pixels, claim.labels,
            found.sizes,
        )  # fmt: skip
        rescore(finished)
    print(f"{kept} of them were added to {run}. Rebuild the report: python -m reports.build {run}")


def _outside_name(path: Path, classifier: "Classifier") -> str:
    """Name under which a set's images are stored for a model, unique to the two."""
    import hashlib

    from attacks.sets.store import read_header
    from datasets.base.hashes import file_sha256

    of_set = read_header(path).key if path.is_dir() else file_sha256(path)
    identity = f"{of_set} {classifier.id} {classifier.weights_sha256}"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return f"{path.resolve().name.lstrip('.')[:80]}-{digest[:8]}"


def _check_classes(path: Path, classifier: "Classifier") -> None:
    """Refuse a model whose classes are not those of the set's source model."""
    from attacks.sets.store import read_header

    if path.is_dir() and read_header(path).classes != classifier.scheme.classes:
        raise InputError(
            f"{path}: its labels are {', '.join(read_header(path).classes)}, but {classifier.id} "
            f"answers {', '.join(classifier.scheme.classes)}. Name a model with these classes."
        )


def _check_labels(path: Path, claim: Claim, classifier: "Classifier") -> None:
    """Refuse a set whose labels are not those of its faces: wrong answers would count as fooled."""
    from datasets.labels import NO_LABEL

    if claim.truth is None or claim.rows is None:
        return
    names = {NO_LABEL: "without a label", **dict(enumerate(classifier.scheme.classes))}
    truth = claim.truth.to(classifier.scheme).values.tolist()
    for row, said, found in zip(claim.rows.tolist(), claim.labels.tolist(), truth, strict=True):
        if said != found:
            raise InputError(
                f"{path}: row {row} is called {names.get(said, said)}, in the data it is "
                f"{names[found]}. The set was changed after it was made: make it again."
            )


if __name__ == "__main__":
    run(as_command(VerifyRequest, main), prog="python -m evaluation.verify")
