"""Draw faces on a frame of window or clip: box, label, bars, attacked face, points and hulls."""

import cv2
import numpy as np

from datasets.base.percentages import in_percent
from faces.box import Box
from faces.regions import HULLS
from live.pixels import part_inside, to_uint8
from live.reading import Answer, Face, Reading

CLEAN, ATTACKED, QUIET, INK = (47, 109, 181), (200, 69, 59), (138, 143, 152), (255, 255, 255)
"""RGB of each role."""
FONT = cv2.FONT_HERSHEY_DUPLEX
BAR_WIDTH, LINE = 90, 18
BAR_STEP = BAR_WIDTH + 10
"""From one column of bars to the next in `draw_answers`."""
MARKED = (255, 209, 102)


def side_by_side(image: np.ndarray, reading: Reading) -> np.ndarray:
    """Draw the clean frame on the left and, with an attack, the attacked frame on the right.

    Args:
        image: uint8 RGB (H, W, 3), not changed.
        reading: results for this frame.

    Returns:
        uint8 RGB (H, W or 2 W, 3).
    """
    left = image.copy()
    for face in reversed(reading.faces):
        _draw(left, face, face.answers, CLEAN)
    attacked = [face for face in reading.faces if face.attacked is not None]
    if not attacked:
        return left
    right = image.copy()
    for face in reversed(attacked):
        _paste(right, face)
        _draw(right, face, face.attacked_answers, ATTACKED)
    return np.hstack([left, right])


def draw_answers(image: np.ndarray, face: Face) -> None:
    """Draw a face's box, its clean label above and its attacked label below, and bars, in place.

    Of a second classifier, labels alone are drawn.

    Args:
        image: uint8 RGB (H, W, 3).
        face: face with answers.
    """
    shown = [(face.answers, CLEAN)]
    if face.attacked_answers:
        shown.append((face.attacked_answers, ATTACKED))
    left, opposite = _draw_box(image, face.box, CLEAN)
    place = opposite[0] + 8
    if place + BAR_STEP * len(shown) > image.shape[1] and left[0] >= BAR_STEP * len(shown):
        place = left[0] - BAR_STEP * len(shown)
    for column, (answers, ink) in enumerate(shown):
        before = face.answers if ink is ATTACKED else answers
        text = " | ".join(map(_label, answers, before))
        if ink is ATTACKED:
            _write_label(image, text, left[0], min(opposite[1], image.shape[0] - 22), ink)
        else:
            _write_label(image, f"{_name(face)} {text}", left[0], max(0, left[1] - 22), ink)
        _bars(image, answers[0], place + column * BAR_STEP, left[1], ink)


def _name(face: Face) -> str:
    """Who it is, as far as the font has the letters, and the number of the track."""
    named = face.identity not in ("", "unknown") and face.identity.isascii()
    return f"{face.number} {face.identity}:" if named else str(face.number)


def write_line(image: np.ndarray, text: str, y: int) -> None:
    """Write one line of text on a dark strip, in place; OpenCV's fonts have ASCII alone."""
    text = text.replace("…", "...")
    width = cv2.getTextSize(text, FONT, 0.5, 1)[0][0]
    _fill(image, Box(0, y - 15, width + 16, 21), (16, 17, 20))
    cv2.putText(image, text, (8, y), FONT, 0.5, INK, 1, cv2.LINE_AA)


def _draw(
    image: np.ndarray, face: Face, answers: tuple[Answer, ...], ink: tuple[int, int, int]
) -> None:
    corner, opposite = _draw_box(image, face.box, ink)
    if face.points is not None:
        _mark(image, face.points)
    before = face.answers if ink is ATTACKED else answers
    text = f"{face.number} {_label(answers[0], before[0])}"
    _write_label(image, text, corner[0], max(0, corner[1] - 22), ink)
    for column, answer in enumerate(answers):
        left = opposite[0] + 8 + column * (BAR_WIDTH + 90)
        _bars(image, answer, left, corner[1], ink)


def _draw_box(
    image: np.ndarray, box: Box, ink: tuple[int, int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Draw a box and return its upper left and lower right corner."""
    corner = round(box.x), round(box.y)
    opposite = round(box.x + box.width), round(box.y + box.height)
    cv2.rectangle(image, corner, opposite, ink, 2, cv2.LINE_AA)
    return corner, opposite


def _label(answer: Answer, before: Answer) -> str:
    """Label and probability; a star marks another prediction than `before`, on the clean face."""
    share = answer.probabilities[answer.classes.index(answer.label)]
    mark = "* " if answer.predicted != before.predicted else ""
    return f"{mark}{answer.label} {in_percent(share)} %"


def _write_label(
    image: np.ndarray, text: str, left: int, top: int, ink: tuple[int, int, int]
) -> None:
    """Write a label on a strip, moved into the image where it would leave it on the right."""
    width = cv2.getTextSize(text, FONT, 0.55, 1)[0][0] + 12
    left = max(0, min(left, image.shape[1] - width))
    _fill(image, Box(left, top, width, 22), ink)
    cv2.putText(image, text, (left + 6, top + 16), FONT, 0.55, INK, 1, cv2.LINE_AA)


def _bars(
    image: np.ndarray, answer: Answer, left: int, top: int, ink: tuple[int, int, int]
) -> None:
    """Draw probabilities next to a box, cut off at the edge of the image."""
    _fill(image, Box(left - 3, top, BAR_WIDTH + 6, LINE * len(answer.classes)), (16, 17, 20))
    for i, (name, share) in enumerate(zip(answer.classes, answer.probabilities)):
        y = top + LINE * i
        colour = ink if name == answer.label else QUIET
        _fill(image, Box(left, y + 2, max(1, BAR_WIDTH * float(share)), LINE - 6), colour)
        cv2.putText(image, name, (left + 3, y + 13), FONT, 0.4, INK, 1, cv2.LINE_AA)


def _paste(image: np.ndarray, face: Face) -> None:
    """Put the attacked face where it was cropped, in place."""
    assert face.attacked is not None
    side, place, within = part_inside(face.square, image.shape)
    large = cv2.resize(to_uint8(face.attacked), (side, side), interpolation=cv2.INTER_NEAREST)
    image[place] = large[within][..., None]


def _mark(image: np.ndarray, points: np.ndarray) -> None:
    for hulls in HULLS.values():
        for hull in hulls:
            corners = cv2.convexHull(points[list(hull)].astype(np.float32))
            cv2.polylines(image, [corners.round().astype(np.int32)], True, MARKED, 1, cv2.LINE_AA)
    for x, y in points.round().astype(int):
        cv2.circle(image, (int(x), int(y)), 1, INK, -1)


def _fill(image: np.ndarray, box: Box, ink: tuple[int, int, int]) -> None:
    """Fill a rectangle, clipped to the image, in place."""
    inside = box.clip(image.shape[1], image.shape[0])
    rows = slice(round(inside.y), round(inside.y + inside.height))
    image[rows, round(inside.x) : round(inside.x + inside.width)] = ink
