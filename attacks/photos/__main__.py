"""`python -m attacks.photos PHOTO|FOLDER --model ID --attack pgd --eps 8/255 --out DIR`.

Makes adversarial versions of your own photographs: every face is attacked in place, through crop,
greyscale and resizing. Writes `DIR/PHOTO.png`, and `faces.csv` with one row per face and handling:
its label before, and its label when the face is detected again in the picture as saved, after JPEG
compression, and at half the size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from attacks.request import AttackRequest
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.growing_csv import GrowingCsv
from datasets.base.options import as_command
from fer_models.photo_options import DETECTOR, MIN_SIZE, MODEL, PHOTOS

if TYPE_CHECKING:
    import numpy as np

    from attacks.base import Attack
    from faces.detector import Detector
    from fer_models.classifier import DifferentiableClassifier
    from fer_models.face_predictions import FacePrediction

_COLUMNS = ["photo", "face", "handling", "label", "probability"]
_COLUMNS += ["found", "label_after", "probability_after", "fooled"]


@dataclass(frozen=True, kw_only=True)
class PhotoRequest(AttackRequest):
    """Which photographs are attacked, on which model, and where the results are written."""

    path: Annotated[Path, PHOTOS]
    out: Annotated[Path, Option(help="Folder for pictures and faces.csv.")]
    model: Annotated[str, MODEL] = "vgg_small.fer"
    eps: Annotated[str, Option(help="Largest change in the photograph, such as 8/255.")] = "8/255"
    detector: Annotated[str, DETECTOR] = "haar"
    min_size: Annotated[int, MIN_SIZE] = 40


def main(request: PhotoRequest) -> int:
    """Attack the faces in photographs, and test whether the attack survives saving and resizing."""
    from attacks.threat_model import Norm, check_eps, parse_eps, parse_norm
    from faces.detectors import make_detector
    from faces.photos import photos, read_each, refuse_own_folder

    path, out = request.path, request.out
    norm, eps = parse_norm(request.norm), parse_eps(request.eps)
    check_eps(eps, norm)
    if norm is Norm.LINF and eps < 1 / 255:
        raise InputError(
            f"--eps must be at least 1/255 in an 8-bit picture; got {request.eps}. Choose one such "
            "as 8/255."
        )
    if path.is_dir():
        refuse_own_folder(out, path)
    found = photos(path)
    finder = make_detector(request.detector, min_size=request.min_size)
    from fer_models.backend import quiet_backend

    quiet_backend()
    from attacks.registry import make_attack
    from fer_models.classifier import DifferentiableClassifier
    from fer_models.zoo import load

    steps = {} if request.steps is None else {"steps": request.steps}
    attack = make_attack(request.attack, norm, eps, steps)
    classifier = load(request.model)
    if not isinstance(classifier, DifferentiableClassifier):
        raise InputError(
            f"{request.model} has no gradients to follow through crop and resize; choose a neural "
            "net."
        )
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    table = GrowingCsv(out / "faces.csv", _COLUMNS)

    def attack_one(photo: Path, image: "np.ndarray") -> None:
        made = _attack(image, photo.name, classifier, finder, attack, request.seed, out)
        table.add(made)
        rows.extend(made)

    wrong = read_each(found, path.is_dir(), attack_one)
    table.add([])
    saved = [row for row in rows if row["handling"] == "saved with 8 bits"]
    fooled = sum(row["fooled"] for row in saved)
    print(f"{fooled} of {len(saved)} faces get a different label; {table.path}")
    return 1 if wrong else 0


def _attack(
    image: "np.ndarray",
    name: str,
    classifier: "DifferentiableClassifier",
    finder: "Detector",
    attack: "Attack",
    seed: int,
    out: Path,
) -> list[dict[str, Any]]:
    """Attack one photograph, write it, and return the rows of its faces."""
    import numpy as np

    from attacks.photos.view import attack_faces
    from faces.detector import fits_detector
    from faces.handling import HANDLINGS, handle
    from fer_models.face_pictures import write_picture
    from fer_models.face_predictions import predict_faces

    before = predict_faces(image, classifier, finder)
    if not before:
        raise InputError("no face found. Try another --detector or --min-size.")
    labels = np.array([classifier.scheme.classes.index(face.label) for face in before])
    frames = [finder.frame(face.box) for face in before]
    picture = attack_faces(classifier, image, frames, labels, attack, seed)
    write_picture(picture, out / f"{name}.png")
    rows: list[dict[str, Any]] = []
    for handling in HANDLINGS:
        left = handle(picture, handling)
        after = predict_faces(left, classifier, finder) if fits_detector(left) else []
        for number, face in enumerate(before, 1):
            key = {"photo": name, "face": number, "handling": handling.name}
            rows.append(key | _row(face, after, handling))
    return rows


def _row(before: "FacePrediction", after: list["FacePrediction"], handling: Any) -> dict[str, Any]:
    """Labels of one face before and after; empty afterwards when it is not found again."""
    from faces.handling import SAME_FACE

    places = [face.box.scaled(1 / handling.scale) for face in after]
    place = before.box.best_match(places, SAME_FACE)
    found = None if place is None else after[place]
    return {
        "label": before.label,
        "probability": round(before.ranked[0][1], 4),
        "found": found is not None,
        "label_after": found.label if found else "",
        "probability_after": round(found.ranked[0][1], 4) if found else "",
        "fooled": found is not None and found.label != before.label,
    }


if __name__ == "__main__":
    run(as_command(PhotoRequest, main), prog="python -m attacks.photos")
