"""The pipeline: from a frame to predictions on its clean and attacked faces.

Detector, tracks, FER2013-like crops, one batch of all faces per classifier, then the attack and the
classifiers again. It knows neither browser nor window. Not thread-safe: `live/engine.py` runs all
pipelines on one thread.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import combinations

import cv2
import numpy as np
from scipy.special import softmax

from datasets.base.errors import InputError
from faces.box import Box
from faces.crop import crop_faces
from faces.detector import MIN_SIDE, Detector
from faces.detectors import make_detector
from faces.eyes import eye_aspect_ratio
from faces.landmarks import FaceMesh, Landmarks
from fer_models.classifier import Classifier
from fer_models.net_classifier import NetClassifier
from fer_models.smoothing.repeater import Repeater
from live.attack_columns import NO_ATTACK, AttackColumns, attack_columns
from live.blinks import BlinkCounter
from live.model_loader import ModelLoader
from live.perturb import NotYet, perturb
from live.reading import Answer, Face, Reading
from live.settings import Settings
from live.tracking import SAME_FACE, Track, Tracker

MOST_FACES = 16
"""Largest number of faces per frame; the largest faces are kept."""
SEARCH_SIDE = 360
"""Longer side of a frame when searched for faces; faces of a tenth of the frame are found."""
SMALLEST_FOUND = 28
"""Smallest face that is accepted in a frame of that size, in pixels."""

SEARCH_EVERY = 4
"""Every fourth frame is searched completely, the others only around known faces."""
NEAR_ROOM, NEAR_SIDE, NEAR_SMALLEST = 1.6, 72, 44
"""Search around a known face: side of the searched square as a multiple of the face's; side in
pixels to which a larger face is scaled down first; smallest face then accepted, in pixels."""


@dataclass
class _Memory:
    """State kept for one face between frames."""

    shown: dict[tuple[str, bool], Repeater] = field(default_factory=dict)
    blinks: BlinkCounter = field(default_factory=BlinkCounter)
    attack: tuple[str, AttackColumns] = "", NO_ATTACK
    flips: int = 0

    def meet(self, model: str, attack: AttackColumns) -> None:
        """Forget what another attack, or one on another model, made of the face."""
        if (model, attack) != self.attack:
            self.attack, self.flips = (model, attack), 0
            self.shown = {key: held for key, held in self.shown.items() if not key[1]}

    def label(self, model: str, attacked: bool, predicted: int, repeat: int) -> int:
        """Update the label of a classifier and return the class to show."""
        return self.shown.setdefault((model, attacked), Repeater()).update(predicted, repeat)


class Tools:
    """Detectors and the face mesh, shared by all pipelines of a thread."""

    def __init__(self) -> None:
        self.detector = cache(_detector)

    @cached_property
    def mesh(self) -> FaceMesh:
        """The face mesh, which places landmarks."""
        return FaceMesh()


class Pipeline:
    """Processes one viewer's frames in order."""

    def __init__(self, models: ModelLoader, tools: Tools, search_side: int = SEARCH_SIDE) -> None:
        """Start without faces.

        Args:
            models: loads classifiers.
            tools: detectors and mesh of this thread.
            search_side: larger frames are searched for faces at this size.
        """
        self._models, self._tools, self._search_side = models, tools, search_side
        self._tracker = Tracker()
        self._since = SEARCH_EVERY
        self._searched: tuple[object, ...] = ()
        self._memories: dict[int, _Memory] = {}

    def forget(self) -> None:
        """Forget all faces, as another camera or picture begins; their numbers go on."""
        self._tracker.tracks, self._memories, self._since = [], {}, SEARCH_EVERY

    def read(self, image: np.ndarray, settings: Settings, seconds: float) -> Reading:
        """Process one frame.

        Args:
            image: uint8 RGB (H, W, 3).
            settings: the viewer's.
            seconds: when the frame was taken, on any clock.

        Raises:
            InputError: a wrong image, an unknown model or target, a missing extra.
        """
        height, width = image.shape[:2]
        spent: dict[str, float] = {}
        with _timed(spent, "find"):
            tracks, squares = self._find(image, settings, seconds)
        classifiers, note = self._classifiers(settings)
        busy = bool(note)
        faces: tuple[Face, ...] = ()
        if tracks and classifiers:
            faces, wrong, learning = self._faces(
                image, tracks, squares, classifiers, settings, spent
            )
            note, busy = wrong or note, busy or learning
        if settings.landmarks and faces:
            with _timed(spent, "landmarks"):
                faces = self._marked(image, faces, seconds)
        return Reading(width, height, faces, note, busy, spent)

    def _find(
        self, image: np.ndarray, settings: Settings, seconds: float
    ) -> tuple[list[Track], list[Box]]:
        detector = self._tools.detector(settings.detector, settings.both_eyes)
        known = [track.box for track in self._tracker.tracks if not track.missed]
        search = settings.detector, settings.both_eyes, settings.many
        anew, self._searched = search != self._searched, search
        if anew or self._since >= SEARCH_EVERY:
            known = []
        near = [find_near(image, self._near(settings, box), box) for box in known]
        boxes = [box for box in near if box is not None]
        boxes.sort(key=lambda box: box.area, reverse=True)
        self._since += 1
        if not near or len(boxes) < len(near) or _overlap(boxes):
            boxes, self._since = find_faces(image, detector, self._search_side), 1
        boxes = boxes[: MOST_FACES if settings.many else 1]
        tracks = self._tracker.update(boxes, seconds)
        if anew:  # boxes of two detectors differ in shape, so they are not averaged
            for track, box in zip(tracks, boxes):
                track.box = box
        tracks.sort(key=lambda track: track.box.area, reverse=True)
        numbers = {track.number for track in self._tracker.tracks}
        self._memories = {n: m for n, m in self._memories.items() if n in numbers}
        return tracks, [detector.frame(track.box) for track in tracks]

    def _near(self, settings: Settings, box: Box) -> Detector:
        smallest = NEAR_SMALLEST if box.width >= NEAR_SIDE else SMALLEST_FOUND
        return self._tools.detector(settings.detector, settings.both_eyes, smallest)

    def _classifiers(self, settings: Settings) -> tuple[list[Classifier], str]:
        """Return the loaded classifiers, none without the first, and a note on those missing."""
        asked = {model: self._models.ask(model) for model in settings.models}
        missing = [model for model, classifier in asked.items() if classifier is None]
        note = f"Loading {' and '.join(missing)} …" if missing else ""
        if settings.models[:1] == tuple(missing[:1]):
            return [], note  # the second never takes the place of the first
        return [classifier for classifier in asked.values() if classifier is not None], note

    def _faces(
        self,
        image: np.ndarray,
        tracks: list[Track],
        squares: list[Box],
        classifiers: list[Classifier],
        settings: Settings,
        spent: dict[str, float],
    ) -> tuple[tuple[Face, ...], str, bool]:
        """Return classified faces, a note on what failed, and whether it is being computed."""
        numbers = np.array([track.number for track in tracks])
        memories = [self._memories.setdefault(track.number, _Memory()) for track in tracks]
        first, note, heats, attacked = classifiers[0], "", None, None
        learning = False
        for memory in memories:
            memory.meet(first.id, attack_columns(settings))
        with _timed(spent, "read"):
            # Under attack both see the first one's crops: nothing but the attack makes a flip.
            sides = [(first if settings.attack else each).face_side for each in classifiers]
            by_side = {side: _crops(image, squares, side) for side in sides}
            crops = by_side[first.face_side]
            seen = [by_side[side] for side in sides]
            answers = _answers(classifiers, seen, memories, False, settings.repeat)
            if settings.heat:
                heats, note = _heat(first, crops)
        if settings.attack:
            with _timed(spent, "attack"):
                labels = np.array([row[0].probabilities.argmax() for row in answers])
                try:
                    attacked = perturb(self._models, first, crops, labels, numbers, settings)
                except InputError as error:
                    note, learning = str(error), isinstance(error, NotYet)
        after: list[tuple[Answer, ...]] = [()] * len(tracks)
        if attacked is not None:
            with _timed(spent, "read"):
                seen = [attacked] * len(classifiers)
                after = _answers(classifiers, seen, memories, True, settings.repeat)
        faces = [
            Face(
                number=track.number,
                box=track.box,
                square=squares[i],
                clean=crops[i],
                answers=answers[i],
                attacked=None if attacked is None else attacked[i],
                attacked_answers=after[i],
                heat=None if heats is None else heats[i],
            )
            for i, track in enumerate(tracks)
        ]
        return tuple(map(_count_flip, faces, memories)), note, learning

    def _marked(
        self, image: np.ndarray, faces: tuple[Face, ...], seconds: float
    ) -> tuple[Face, ...]:
        marks: Landmarks = self._tools.mesh.locate(image, [face.square for face in faces])
        ratios = eye_aspect_ratio(marks.points)
        marked = []
        for face, points, ratio, found in zip(faces, marks.points, ratios, marks.found):
            counter = self._memories[face.number].blinks
            count = counter.update(float(ratio), seconds) if found else counter.count
            marked.append(replace(face, points=points if found else None, blinks=count))
        return tuple(marked)


def find_faces(image: np.ndarray, detector: Detector, side: int) -> list[Box]:
    """Find the boxes of all faces, the largest first; larger images are shrunk first."""
    shrink = max(1.0, max(image.shape[:2]) / side)
    if shrink == 1:
        return detector.detect(image)
    size = round(image.shape[1] / shrink), round(image.shape[0] / shrink)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = detector.detect(small)
    return [box.scaled(shrink) for box in found]


def find_near(image: np.ndarray, detector: Detector, box: Box) -> Box | None:
    """Find the face that was at `box` in the previous frame; None if it has gone."""
    room = box.square(NEAR_ROOM).clip(image.shape[1], image.shape[0])
    left, top = round(room.x), round(room.y)
    region = image[top : round(room.y + room.height), left : round(room.x + room.width)]
    if min(region.shape[:2]) < MIN_SIDE:
        return None
    shrink = max(1.0, box.width / NEAR_SIDE)
    found = find_faces(np.ascontiguousarray(region), detector, round(max(region.shape) / shrink))
    moved = [replace(b, x=b.x + left, y=b.y + top) for b in found]
    place = box.best_match(moved, SAME_FACE)
    return None if place is None else moved[place]


def _overlap(boxes: list[Box]) -> bool:
    """Whether two boxes may be of one face, which was found around two known ones."""
    return any(one.iou(other) >= SAME_FACE for one, other in combinations(boxes, 2))


def _detector(name: str, both_eyes: bool, smallest: int = SMALLEST_FOUND) -> Detector:
    return make_detector(name, min_size=smallest, both_eyes=both_eyes)


def _crops(image: np.ndarray, squares: list[Box], side: int) -> np.ndarray:
    """Faces as float32 (N, side, side, 1) in [0, 1]."""
    return crop_faces(image, squares, side).astype(np.float32) / np.float32(255)


def _answers(
    classifiers: list[Classifier],
    images: list[np.ndarray],
    memories: list[_Memory],
    attacked: bool,
    repeat: int,
) -> list[tuple[Answer, ...]]:
    """Predictions of each classifier for each face, from the images that it sees."""
    rows: list[list[Answer]] = [[] for _ in memories]
    for classifier, faces in zip(classifiers, images, strict=True):
        shares = softmax(classifier.logits(faces).astype(np.float64), axis=1)
        for row, memory, share in zip(rows, memories, shares):
            shown = memory.label(classifier.id, attacked, int(share.argmax()), repeat)
            classes = classifier.scheme.classes
            row.append(Answer(classifier.id, classes, share, classes[shown]))
    return [tuple(row) for row in rows]


def _heat(classifier: Classifier, images: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Grad-CAM of the faces, or a note on why there is none."""
    if not isinstance(classifier, NetClassifier):
        return None, f"No Grad-CAM: {classifier.id} is not a neural net, or has a defence."
    from fer_models.explanations.feature_maps import grad_cam

    try:
        return grad_cam(classifier, images), ""
    except ValueError as error:  # no convolutional net
        return None, f"No Grad-CAM: {error}"


def _count_flip(face: Face, memory: _Memory) -> Face:
    memory.flips += face.flip_shown
    return replace(face, flips=memory.flips)


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    spent[name] = spent.get(name, 0.0) + 1000 * (time.perf_counter() - start)
