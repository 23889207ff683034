"""`python -m fer_models.explain --model ID --images PHOTO|FOLDER --out DIR`: where a net looks.

Writes for each face `PHOTO-face1-gradcam.png`, the places that support its most likely classes, and
`PHOTO-face1-LAYER.png`, all maps of a layer side by side.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from fer_models.photo_options import DETECTOR, MIN_SIZE, MODEL, WHOLE, no_face

if TYPE_CHECKING:
    import numpy as np

    from fer_models.classifier import Classifier
    from fer_models.face_predictions import FacePrediction
    from fer_models.net_classifier import NetClassifier

Option = typer.Option


def main(
    model: Annotated[str, MODEL],
    images: Annotated[Path, Option(help="A photograph or a folder of photographs.")],
    out: Annotated[Path | None, Option(help="Folder for pictures. Default: explanations.")] = None,
    detector: Annotated[str, DETECTOR] = "haar",
    whole: Annotated[bool, WHOLE] = False,
    min_size: Annotated[int, MIN_SIZE] = 40,
    layer: Annotated[
        str | None,
        Option(help="Layer for Grad-CAM. Default: the last convolutional layer."),
    ] = None,
    grids: Annotated[
        str, Option(help="Layers A,B; all; none; or stages: the last layer of each map size.")
    ] = "stages",
) -> int:
    """Draw what a convolutional net looks at in faces."""
    from datasets.base.writable import default_folder
    from faces.detectors import make_detector
    from faces.photos import photos, read_each, refuse_own_folder
    from fer_models.zoo import describe

    found = photos(images)
    describe(model)
    out = out or default_folder(Path("explanations"))
    if images.is_dir():
        refuse_own_folder(out, images)
    finder = make_detector(detector, min_size=min_size, whole=whole)
    from fer_models.backend import quiet_backend

    quiet_backend()
    from fer_models.face_predictions import predict_faces
    from fer_models.zoo import load

    net = _convolutional(model, load(model))
    wanted = _layers(net, grids)
    if layer is not None:
        _check_layer(net, layer)
    explained: list[str] = []

    def explain_one(photo: Path, image: "np.ndarray") -> None:
        faces = predict_faces(image, net, finder)
        if not faces:
            raise InputError(no_face(detector))
        for number, face in enumerate(faces, 1):
            name = f"{photo.name}-face{number}"
            _draw(net, face, layer, wanted, name, out)
            explained.append(name)

    wrong = read_each(found, images.is_dir(), explain_one)
    print(f"faces: {len(explained)}, photographs: {len(found)}; {out}")
    return 1 if wrong else 0


def _convolutional(model: str, classifier: "Classifier") -> "NetClassifier":
    from fer_models.explanations.feature_maps import map_layers
    from fer_models.net_classifier import NetClassifier

    try:
        if not isinstance(classifier, NetClassifier):
            raise ValueError
        map_layers(classifier)
    except ValueError as error:
        raise InputError(
            "--model must be a convolutional net of a fixed size, without defences, whose layers "
            f"can be read (those of TorchScript cannot); got {model}."
        ) from error
    return classifier


def _layers(net: "NetClassifier", words: str) -> list[str]:
    """Names of layers, from a list or one of the words for several."""
    from fer_models.explanations.feature_maps import map_layers, stage_layers

    known = map_layers(net)
    several = {"all": known, "none": [], "stages": stage_layers(net)}
    names = several.get(words, [name.strip() for name in words.split(",")])
    for name in names:
        _check_layer(net, name)
    return names


def _check_layer(net: "NetClassifier", name: str) -> None:
    from fer_models.explanations.feature_maps import map_layers

    if name not in (known := map_layers(net)):
        raise InputError(f"a layer must be one of {', '.join(known)}; got {name!r}.")


def _draw(
    net: "NetClassifier",
    face: "FacePrediction",
    layer: str | None,
    grids: list[str],
    name: str,
    out: Path,
) -> None:
    from fer_models.explanations.pictures import grad_cam_picture, grid_picture
    from fer_models.face_pictures import caption, shortened, write_picture

    out.mkdir(parents=True, exist_ok=True)
    title = f"{shortened(name)}: {caption(face)}\n{net.id}"
    write_picture(grad_cam_picture(net, face, layer, title), out / f"{name}-gradcam.png")
    for grid in grids:
        write_picture(grid_picture(net, face.face, grid), out / f"{name}-{grid}.png")
    print(f"{name}: {caption(face, 3)}")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.explain")
