"""One photograph: its faces read, attacked, painted back, and read again after rough handling."""

import base64
import hashlib
from typing import Any

import cv2
import numpy as np

from attacks.photos.view import attack_faces
from attacks.registry import CORRUPTIONS
from attacks.threat_model import format_eps
from datasets.base.errors import InputError
from faces.detector import fits_detector
from faces.handling import HANDLINGS, SAME_FACE, Handling, handle
from fer_models.gradients import SymbolicClassifier
from live.engine import Engine
from live.perturb import SEED, aim, attack_of, eps_of
from live.reading import Face, Reading
from live.server.answers import box_json, face_json, to_uint8
from live.settings import ATTACKS, LEARNT, Settings
from live.source import fit

SEARCH_SIDE = 640
"""Photographs are searched for faces at this longer side."""
MOST_PAINTED = 4_000_000
"""Pixels of an attacked picture; larger photographs are made smaller first."""


def read_photo(engine: Engine, image: np.ndarray, settings: Settings) -> Reading:
    """Faces of a photograph; loads the classifiers first when need be.

    Args:
        engine: reads it.
        image: uint8 RGB (H, W, 3).
        settings: see `live.settings`.

    Raises:
        InputError: an unknown model or target.
    """
    settings = engine.defaults(settings)
    first, *_ = [engine.shelf.wait(model) for model in settings.models]
    if settings.attack in LEARNT:
        target, _ = aim(engine.shelf, first, np.empty(0, np.int64), settings.target)
        engine.shelf.wait_learnt(target, settings.attack)
    return engine.read(engine.pipeline(SEARCH_SIDE), image, settings, 0.0)


def photo_json(reading: Reading, settings: Settings) -> dict[str, Any]:
    """What a reading says, for `POST /api/photo`."""
    return {
        "model": settings.models[0],
        "width": reading.width,
        "height": reading.height,
        "faces": [face_json(face) for face in reading.faces],
        "note": reading.note,
    }


def attack_photo(engine: Engine, image: np.ndarray, settings: Settings) -> dict[str, Any]:
    """Attack every face and see what is left of it: for `POST /api/photo/attack`.

    Args:
        engine: reads and attacks.
        image: uint8 RGB (H, W, 3).
        settings: with an attack.

    Returns:
        `photo_json` with the adversarial `picture` (PNG), its `manifest`, and what each of
        `HANDLINGS` leaves of the attack in `survival`.

    Raises:
        InputError: an unknown model or target, or an attack that the classifier has no gradients
            for.
    """
    settings = engine.defaults(settings)
    image = fit(image, MOST_PAINTED)
    before = read_photo(engine, image, settings)
    if before.faces and all(face.attacked is None for face in before.faces):
        raise InputError(before.note)
    picture = _attacked(engine, image, before, settings)
    png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    clean = settings.model_copy(update={"attack": ""})
    survival: list[dict[str, Any]] = [
        {
            "handling": handling.name,
            "faces": _again(
                before, _read_again(engine, handle(picture, handling), clean), handling
            ),
        }
        for handling in HANDLINGS
    ]
    return {
        **photo_json(before, settings),
        "picture": f"data:image/png;base64,{base64.b64encode(png).decode()}",
        "manifest": _manifest(
            engine, before, survival[0]["faces"], settings, hashlib.sha256(png).hexdigest()
        ),
        "survival": survival,
    }


def _attacked(engine: Engine, image: np.ndarray, before: Reading, settings: Settings) -> np.ndarray:
    """The photograph attacked in its own pixels, or its small faces' changes painted into it.

    The second way is for corruptions, for what was learnt ahead, and for classifiers that no
    gradient can be led out of.
    """
    classifier = engine.shelf.wait(settings.models[0])
    painted = settings.attack in (*CORRUPTIONS, *LEARNT)
    if painted or not isinstance(classifier, SymbolicClassifier):
        return paint(image, before.faces)
    answers = [face.answers[0] for face in before.faces]
    labels = np.array([answer.probabilities.argmax() for answer in answers], np.int64)
    target, labels = aim(engine.shelf, classifier, labels, settings.target)
    assert isinstance(target, SymbolicClassifier)
    frames = [face.square for face in before.faces]
    return attack_faces(target, image, frames, labels, attack_of(settings), SEED)


def paint(image: np.ndarray, faces: tuple[Face, ...]) -> np.ndarray:
    """The photograph with what the attack added to each face, enlarged to its square.

    No pixel moves further than in the small face, but for rounding to 8 bits.

    Args:
        image: uint8 RGB (H, W, 3).
        faces: attacked ones.
    """
    painted = image.astype(np.float32)
    height, width = image.shape[:2]
    for face in reversed(faces):  # the largest on top
        if face.attacked is None:
            continue
        side = max(1, round(face.square.width))
        left, top = round(face.square.x), round(face.square.y)
        change = 255 * (face.attacked - face.clean)[..., 0]
        change = cv2.resize(change, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
        rows = slice(max(top, 0), min(top + side, height))
        columns = slice(max(left, 0), min(left + side, width))
        inside = change[rows.start - top : rows.stop - top, columns.start - left :]
        inside = inside[:, : columns.stop - columns.start]
        painted[rows, columns] = image[rows, columns] + inside[..., None]
    return to_uint8(painted / 255)


def _read_again(engine: Engine, picture: np.ndarray, settings: Settings) -> tuple[Face, ...]:
    """Faces of a handled picture; none where half its size is too small for any detector."""
    return read_photo(engine, picture, settings).faces if fits_detector(picture) else ()


def _again(before: Reading, after: tuple[Face, ...], handling: Handling) -> list[dict[str, Any]]:
    """Of each attacked face: its label now, and whether that is still not the clean one."""
    lines: list[dict[str, Any]] = []
    for face in before.faces:
        places = [found.box.scaled(1 / handling.scale) for found in after]
        place = face.box.best_match(places, SAME_FACE)
        if place is None:
            lines.append({"number": face.number, "label": None, "fooled": False})
            continue
        found = after[place]
        label = found.answers[0].predicted
        fooled = label != face.answers[0].predicted
        share = float(found.answers[0].probabilities.max())
        lines.append(
            {
                "number": face.number,
                "label": label,
                "probability": round(share, 4),
                "fooled": fooled,
            }
        )
    return lines


def _manifest(
    engine: Engine,
    before: Reading,
    after: list[dict[str, Any]],
    settings: Settings,
    sha256: str,
) -> dict[str, Any]:
    """How the picture was made; `after` is what its faces are read as from the file."""
    model = settings.models[0]
    corruption = settings.attack in CORRUPTIONS
    how: dict[str, Any] = (
        {"severity": settings.severity}
        if corruption
        else {
            "norm": "linf",
            "eps": format_eps(eps_of(settings)),
            "steps": settings.steps if ATTACKS[settings.attack] else None,
            "target": settings.target or None,
        }
    )
    return {
        "made_by": "deadpan live",
        "sha256": sha256,
        "width": before.width,
        "height": before.height,
        "model": model,
        "weights_sha256": engine.shelf.wait(model).weights_sha256,
        "perturbation": settings.attack,
        **how,
        "seed": SEED,
        "faces": [
            {
                "box": box_json(face.box),
                "square": box_json(face.square),
                "label": face.answers[0].predicted,
                "attacked_label": again["label"],
            }
            for face, again in zip(before.faces, after, strict=True)
        ],
    }
