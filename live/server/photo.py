"""One photograph: classify its faces, attack them, classify them again after JPEG or resizing."""

import base64
import hashlib
from typing import Any

import cv2
import numpy as np

from attacks.photos.view import attack_faces, whole_levels
from attacks.registry import CORRUPTIONS
from attacks.threat_model import format_eps
from datasets.base.errors import InputError
from faces.detector import fits_detector
from faces.handling import HANDLINGS, SAME_FACE, Handling, handle
from fer_models.classifier import DifferentiableClassifier
from live.attack_columns import attack_columns
from live.engine import Engine
from live.perturb import SEED, aim, attack_of, eps_of, wait_for_attack
from live.pixels import part_inside, to_uint8
from live.reading import Face, Reading
from live.server.answers import box_json, face_json
from live.settings import PRECOMPUTED, Settings
from live.source import fit

SEARCH_SIDE = 640
"""Longer side of a photograph when searched for faces."""
MOST_PAINTED = 4_000_000
"""Most pixels of an attacked photograph; larger ones are shrunk first."""


def read_photo(engine: Engine, image: np.ndarray, settings: Settings) -> Reading:
    """Classify the faces of a photograph; loads the classifiers first if needed.

    Args:
        engine: processes it.
        image: uint8 RGB (H, W, 3).
        settings: see `live.settings`.

    Raises:
        InputError: an unknown model or target.
    """
    settings = engine.defaults(settings)
    engine.models.try_again(settings.models)
    first, *_ = [engine.models.wait(model) for model in settings.models]
    wait_for_attack(engine.models, first, settings)
    return engine.read(engine.pipeline(SEARCH_SIDE), image, settings, 0.0)


def photo_json(reading: Reading, settings: Settings) -> dict[str, Any]:
    """Results as JSON, for `POST /api/photo`."""
    return {
        "model": settings.models[0],
        "width": reading.width,
        "height": reading.height,
        "faces": [face_json(face) for face in reading.faces],
        "note": reading.note,
    }


def attack_photo(engine: Engine, image: np.ndarray, settings: Settings) -> dict[str, Any]:
    """Attack every face and measure how much survives: for `POST /api/photo/attack`.

    Args:
        engine: classifies and attacks.
        image: uint8 RGB (H, W, 3).
        settings: with an attack.

    Returns:
        `photo_json` with the adversarial `picture` (PNG), its `manifest`, and in `survival` the
        predictions after each of `HANDLINGS`.

    Raises:
        InputError: an unknown model or target, or an attack that needs gradients the classifier
            does not have.
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
    """Attack the photograph in its own pixels, or paint the changes of its cut-out faces into it.

    The latter is for corruptions, precomputed attacks, and classifiers without gradients.
    """
    classifier = engine.models.wait(settings.models[0])
    painted = settings.attack in (*CORRUPTIONS, *PRECOMPUTED)
    if painted or not isinstance(classifier, DifferentiableClassifier):
        most = 1.0 if settings.attack in CORRUPTIONS else eps_of(settings)
        return paint(image, before.faces, most)
    answers = [face.answers[0] for face in before.faces]
    labels = np.array([answer.probabilities.argmax() for answer in answers], np.int64)
    target, labels = aim(engine.models, classifier, labels, settings.target)
    assert isinstance(target, DifferentiableClassifier)
    frames = [face.square for face in before.faces]
    return attack_faces(target, image, frames, labels, attack_of(settings), SEED)


def paint(image: np.ndarray, faces: tuple[Face, ...], most: float) -> np.ndarray:
    """Add to the photograph what the attack added to each face, enlarged to its square.

    No pixel changes more than in the cut-out face, except for rounding to 8 bits, which stays
    within `most`.

    Args:
        image: uint8 RGB (H, W, 3).
        faces: attacked ones.
        most: linf radius of the attack.
    """
    painted, levels = image.astype(np.float32), whole_levels(most)
    for face in reversed(faces):  # the largest on top
        if face.attacked is None:
            continue
        side, place, within = part_inside(face.square, image.shape)
        change = np.clip(255 * (face.attacked - face.clean)[..., 0], -levels, levels)
        change = cv2.resize(change, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
        painted[place] = image[place] + change[within][..., None]
    return to_uint8(painted / 255)


def _read_again(engine: Engine, picture: np.ndarray, settings: Settings) -> tuple[Face, ...]:
    """Classify a processed photograph; no faces if it is too small for any detector."""
    return read_photo(engine, picture, settings).faces if fits_detector(picture) else ()


def _again(before: Reading, after: tuple[Face, ...], handling: Handling) -> list[dict[str, Any]]:
    """For each attacked face: its label now, and whether that still differs from the clean one."""
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
    """Describe how the image was made; `after` holds the predictions on the saved file."""
    model = settings.models[0]
    chosen = attack_columns(settings)
    how: dict[str, Any] = (
        {"severity": chosen.severity}
        if settings.attack in CORRUPTIONS
        else {
            "norm": "linf",
            "eps": format_eps(eps_of(settings)),
            "steps": chosen.steps,
            "target": chosen.target or None,
        }
    )
    return {
        "made_by": "deadpan live",
        "sha256": sha256,
        "width": before.width,
        "height": before.height,
        "model": model,
        "weights_sha256": engine.models.wait(model).weights_sha256,
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
