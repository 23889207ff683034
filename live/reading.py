"""Results of the pipeline for one frame: faces with the classifiers' predictions."""

from dataclasses import dataclass

import numpy as np

from faces.box import Box


@dataclass(frozen=True, eq=False)
class Answer:
    """Prediction of one classifier on one face.

    Attributes:
        model: id of the classifier.
        classes: names in the order of the probabilities.
        probabilities: float64 (K,).
        label: class shown, held by the repeater.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: np.ndarray
    label: str

    @property
    def predicted(self) -> str:
        """The most probable class of this frame alone."""
        return self.classes[int(self.probabilities.argmax())]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one frame.

    Attributes:
        number: number of its track.
        box: where it is, in pixels of the frame.
        square: FER2013-like square that was cropped; it may reach outside the frame.
        clean: float32 (S, S, 1) in [0, 1], S the first classifier's `face_side`.
        answers: predictions of each classifier on the clean face.
        attacked: float32 (S, S, 1); None without an attack.
        attacked_answers: predictions on the attacked face; empty without an attack.
        flips: frames so far in which this attack changed the first classifier's label as shown.
        points: float32 (468, 2) in pixels of the frame, or None.
        blinks: counted so far, or None without landmarks.
        heat: float32 (S, S) in [0, 1], or None.
        identity: who it is, if faces were compared with people; else empty.
    """

    number: int
    box: Box
    square: Box
    clean: np.ndarray
    answers: tuple[Answer, ...]
    attacked: np.ndarray | None = None
    attacked_answers: tuple[Answer, ...] = ()
    flips: int = 0
    points: np.ndarray | None = None
    blinks: int | None = None
    heat: np.ndarray | None = None
    identity: str = ""

    @property
    def flipped(self) -> bool:
        """Whether the first classifier predicts another class on the attacked face."""
        return bool(self.attacked_answers) and (
            self.attacked_answers[0].predicted != self.answers[0].predicted
        )

    @property
    def flip_shown(self) -> bool:
        """Whether the first classifier's labels as shown, held by the repeater, differ."""
        return bool(self.attacked_answers) and (
            self.attacked_answers[0].label != self.answers[0].label
        )


@dataclass(frozen=True, eq=False)
class Reading:
    """One frame.

    Attributes:
        width: width of the frame, pixels.
        height: height of the frame, pixels.
        faces: the largest first.
        note: one line for the viewer, such as what is being loaded; empty if nothing is wrong.
        busy: something is being loaded or computed; the same frame will give more results later.
        milliseconds: time spent on `find`, `read`, `attack` and `landmarks`.
    """

    width: int
    height: int
    faces: tuple[Face, ...]
    note: str
    busy: bool
    milliseconds: dict[str, float]
