"""Results as JSON for the page: boxes, named probabilities, small PNGs."""

import base64
from typing import Any

import cv2
import numpy as np

from faces.box import Box
from faces.regions import HULLS
from live.pixels import to_uint8
from live.reading import Answer, Face, Reading

GAIN = 10
"""Factor that makes the difference visible."""
_QUICK_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def reading_json(reading: Reading) -> dict[str, Any]:
    """Results of a frame for the page."""
    return {
        "width": reading.width,
        "height": reading.height,
        "faces": [face_json(face) for face in reading.faces],
        "note": reading.note,
        "busy": reading.busy,
        "milliseconds": {name: round(value, 1) for name, value in reading.milliseconds.items()},
    }


def face_json(face: Face) -> dict[str, Any]:
    """Results of one face; images are data URLs."""
    values: dict[str, Any] = {
        "number": face.number,
        "box": box_json(face.box),
        "square": box_json(face.square),
        "label": face.answers[0].label,
        "probabilities": _shares(face.answers[0]),
        "answers": [_answer_json(answer) for answer in face.answers],
        "clean": png_address(face.clean),
        "flips": face.flips,
        "flipped": face.flip_shown,
    }
    if face.attacked is not None:
        values["attacked"] = {
            "answers": [_answer_json(answer) for answer in face.attacked_answers],
            "picture": png_address(face.attacked),
            "difference": png_address(0.5 + GAIN * (face.attacked - face.clean)),
        }
    if face.points is not None:
        values["points"] = np.rint(face.points).astype(int).ravel().tolist()
        values["hulls"] = [
            cv2.convexHull(face.points[list(hull)].astype(np.float32)).round().astype(int).ravel()
            .tolist()
            for hulls in HULLS.values() for hull in hulls
        ]  # fmt: skip
    if face.blinks is not None:
        values["blinks"] = face.blinks
    if face.heat is not None:
        values["heat"] = _heat_address(face.heat)
    return values


def box_json(box: Box) -> dict[str, float]:
    """Position in pixels, to a tenth."""
    corners = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return {name: round(value, 1) for name, value in corners.items()}


def png_address(image: np.ndarray) -> str:
    """A float image (H, W, 1) in [0, 1] as a data URL."""
    return _address(to_uint8(image))


def _heat_address(heat: np.ndarray) -> str:
    """Encode a map in [0, 1] in warm colours, more transparent where it is low."""
    colours = cv2.applyColorMap(to_uint8(heat), cv2.COLORMAP_INFERNO)
    return _address(np.dstack([colours, to_uint8(0.7 * heat)]))


def _address(pixels: np.ndarray) -> str:
    data = cv2.imencode(".png", pixels, _QUICK_PNG)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _shares(answer: Answer) -> dict[str, float]:
    return {c: round(float(p), 4) for c, p in zip(answer.classes, answer.probabilities)}


def _answer_json(answer: Answer) -> dict[str, Any]:
    return {"model": answer.model, "label": answer.label, "probabilities": _shares(answer)}
