"""`python -m fer_models.predict PHOTO|FOLDER`: faces in photographs and what they express.

Writes into `--out`: `PHOTO-faces.png` with boxes and labels, `PHOTO-face1.png` with the
probabilities of each face, and `predictions.csv`, one row per face, after each photograph.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.growing_csv import GrowingCsv
from fer_models.photo_options import DETECTOR, MIN_SIZE, MODEL, PHOTOS, WHOLE, no_face

if TYPE_CHECKING:
    import numpy as np

    from fer_models.face_predictions import FacePrediction

Option = typer.Option
DEFAULT_MODEL = "vgg_small.ferplus"


def main(
    path: Annotated[Path, PHOTOS],
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    detector: Annotated[str, DETECTOR] = "haar",
    whole: Annotated[bool, WHOLE] = False,
    min_size: Annotated[int, MIN_SIZE] = 40,
    top: Annotated[int, Option(min=1, help="Number of most likely classes to list per face.")] = 1,
    out: Annotated[
        Path | None, Option(help="Folder for pictures and table. Default: predictions.")
    ] = None,
) -> int:
    """Find faces, name their expressions, draw both."""
    from datasets.base.writable import default_folder
    from faces.detectors import make_detector
    from faces.photos import photos, read_each, refuse_own_folder
    from fer_models.zoo import describe

    found = photos(path)
    describe(model)
    out = out or default_folder(Path("predictions"))
    if path.is_dir():
        refuse_own_folder(out, path)
    finder = make_detector(detector, min_size=min_size, whole=whole)
    from fer_models.backend import quiet_backend

    quiet_backend()
    from fer_models.face_predictions import predict_faces
    from fer_models.zoo import load

    classifier = load(model)
    columns = ["photo", "face", "x", "y", "width", "height", "label", *classifier.scheme.classes]
    table, faces = GrowingCsv(out / "predictions.csv", columns), 0

    def predict_one(photo: Path, image: "np.ndarray") -> None:
        nonlocal faces
        predictions = predict_faces(image, classifier, finder)
        if not predictions:
            message = no_face(detector)
            if not path.is_dir():
                raise InputError(message)
            print(f"{photo}: {message}", file=sys.stderr)
            return
        out.mkdir(parents=True, exist_ok=True)
        _draw(image, predictions, photo.name, classifier.id, top, out)
        table.add(_line(photo.name, i, p) for i, p in enumerate(predictions, 1))
        faces += len(predictions)

    wrong = read_each(found, path.is_dir(), predict_one)
    table.add([])
    print(f"faces: {faces}, photographs: {len(found)}; {table.path}")
    return 1 if wrong else 0


def _draw(
    image: Any, predictions: list["FacePrediction"], photo: str, model: str, top: int, out: Path
) -> None:
    from fer_models.face_pictures import annotated, caption, draw_chart, shortened, write_picture

    write_picture(annotated(image, predictions, top), out / f"{photo}-faces.png")
    for number, prediction in enumerate(predictions, 1):
        print(f"{photo}, face {number}: {caption(prediction, top)}")
        title = f"{shortened(photo)}, face {number}: {caption(prediction)}\n{model}"
        draw_chart(prediction, title, out / f"{photo}-face{number}.png")


def _line(photo: str, number: int, prediction: "FacePrediction") -> dict[str, Any]:
    box = prediction.box
    return {
        "photo": photo,
        "face": number,
        "x": round(box.x, 1),
        "y": round(box.y, 1),
        "width": round(box.width, 1),
        "height": round(box.height, 1),
        "label": prediction.label,
        **({} if prediction.labels_only else _rounded(prediction.probabilities)),
    }


def _rounded(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 6) for name, share in probabilities.items()}


if __name__ == "__main__":
    run(main, prog="python -m fer_models.predict")
