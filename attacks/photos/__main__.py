"""`python -m attacks.photos PHOTO|FOLDER --model ID --attack pgd --eps 8/255 --out DIR`.

Adversarial versions of one's own photographs: every face is attacked where it stands, through crop,
grey and resize. Writes `DIR/PHOTO.png`, and `faces.csv` with one line a face and handling: what it
was read as, and what it is read as when its face is looked for again in the picture as saved, after
JPEG, and at half the size.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from attacks.base import Attack
    from faces.detector import Detector
    from fer_models.face_predictions import FacePrediction
    from fer_models.gradients import SymbolicClassifier

Option = typer.Option
_COLUMNS = ["photo", "face", "handling", "label", "probability"]
_COLUMNS += ["found", "label_after", "probability_after", "fooled"]


def main(
    path: Annotated[Path, typer.Argument(metavar="PHOTO|FOLDER", help="JPEG, PNG, WebP, ...")],
    out: Annotated[Path, Option(help="Where pictures and faces.csv go.")],
    model: Annotated[str, Option(help="Id, folder of a training, or path.")] = "vgg_small.fer",
    attack: Annotated[str, Option(help="Any attack, such as pgd, apgd, pgd_glasses.")] = "pgd",
    norm: Annotated[str, Option(help="linf, l2 or l1, in the photograph's pixels.")] = "linf",
    eps: Annotated[str, Option(help="Largest change, such as 8/255.")] = "8/255",
    steps: Annotated[int | None, Option(min=1, help="Default: the attack's.")] = None,
    detector: Annotated[str, Option(help="haar, blazeface, hog or mtcnn.")] = "haar",
    min_size: Annotated[int, Option(min=1, help="Of a face, pixels.")] = 40,
    seed: Annotated[int, Option(min=0, help="Of every draw.")] = 0,
) -> int:
    """Attack the faces in photographs, and see what is left of it after rough handling."""
    from attacks.threat_model import Norm, parse_eps, parse_norm
    from faces.detectors import make_detector
    from faces.photos import photos, read_each

    known_norm, size = parse_norm(norm), parse_eps(eps)
    if known_norm is Norm.LINF and size < 1 / 255:
        raise InputError(f"--eps must be at least 1/255 in a picture of 8 bits; got {eps}.")
    if path.is_dir() and out.resolve() == path.resolve():  # PHOTO.png may be a photograph there
        raise InputError(f"--out must be another folder than the photographs'; got {out}.")
    found, finder = photos(path), make_detector(detector, min_size=min_size)
    from fer_models.backend import start_backend

    start_backend()
    from attacks.registry import make_attack
    from fer_models.gradients import SymbolicClassifier
    from fer_models.zoo import load

    made = make_attack(attack, known_norm, size, {} if steps is None else {"steps": steps})
    classifier = load(model)
    if not isinstance(classifier, SymbolicClassifier):
        raise InputError(
            f"{model} has no gradients to lead through crop and resize; choose a neural net."
        )
    out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []

    def attack_one(photo: Path, image: "np.ndarray") -> None:
        lines.extend(_attack(image, photo.name, classifier, finder, made, seed, out))

    wrong = read_each(found, path.is_dir(), attack_one)
    _write_table(lines, out)
    saved = [line for line in lines if line["handling"] == "saved with 8 bits"]
    fooled = sum(line["fooled"] for line in saved)
    print(f"{fooled} of {len(saved)} faces are read otherwise; {out / 'faces.csv'}")
    return 1 if wrong else 0


def _attack(
    image: "np.ndarray",
    name: str,
    classifier: "SymbolicClassifier",
    finder: "Detector",
    attack: "Attack",
    seed: int,
    out: Path,
) -> list[dict[str, Any]]:
    """Attack one photograph and write it; the lines of its faces."""
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
    lines: list[dict[str, Any]] = []
    for handling in HANDLINGS:
        left = handle(picture, handling)
        after = predict_faces(left, classifier, finder) if fits_detector(left) else []
        for number, face in enumerate(before, 1):
            key = {"photo": name, "face": number, "handling": handling.name}
            lines.append(key | _line(face, after, handling))
    return lines


def _line(before: "FacePrediction", after: list["FacePrediction"], handling: Any) -> dict[str, Any]:
    """What one face is read as before and after; empty when it is not found again."""
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


def _write_table(lines: list[dict[str, Any]], out: Path) -> None:
    import pandas as pd

    with atomic(out / "faces.csv") as unfinished:
        pd.DataFrame(lines, columns=_COLUMNS).to_csv(unfinished, index=False)


if __name__ == "__main__":
    run(main, prog="python -m attacks.photos")
