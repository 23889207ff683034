"""Clips whose expressions are known, made of labelled faces that follow one another.

Real clips have no labels. A planted clip shows one labelled face for a while, then fades to another
with another label, chosen to look as much like the first as the data allow; the frames move, change
in brightness and have sensor noise, as a camera's do. It is not one person: only the labels are
real.
"""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter, shift
from scipy.signal import lfilter

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import FER7, NO_LABEL, Labels
from evaluation.readings.source_clip import SourceClip

RATE = 25.0
"""Frames per second."""
SEGMENT_SECONDS, FADE_SECONDS = 1.6, 0.2
SEGMENTS = 4
"""Faces per clip."""
_CANDIDATES = 20
"""Faces of the next label among which the most similar is chosen."""
_SHIFT, _GAIN, _NOISE, _CALM = 0.5, 0.03, 2 / 255, 0.95
"""Standard deviations of movement in pixels, of brightness and of sensor noise, and the correlation
of the first two from frame to frame."""


def plant_clips(faces: FaceSet, count: int, seed: int) -> list[SourceClip]:
    """Make clips with known expressions.

    Where faces have both FER and FER+ labels, only faces on which these agree are shown. No face is
    shown twice.

    Args:
        faces: labelled faces.
        count: number of clips.
        seed: random seed.

    Raises:
        InputError: there are too few faces, or all have the same label.
    """
    labels = _agreed(faces)
    usable = np.flatnonzero(labels != NO_LABEL)
    classes = np.unique(labels[usable])
    if len(classes) < 2 or len(usable) < count * SEGMENTS:
        raise InputError(
            f"--planted {count} needs {count * SEGMENTS} faces of two labels or more; {faces.name} "
            f"has {len(usable)} of {len(classes)}. Lower --planted, or name other --data."
        )
    rng, free = np.random.default_rng(seed), set(usable.tolist())
    clips = []
    for number in range(count):
        chosen = _faces_of_clip(faces, labels, free, rng)
        clips.append(_clip(f"planted {number + 1}", faces.images[chosen], labels[chosen], rng))
    return clips


def _agreed(faces: FaceSet) -> np.ndarray:
    """FER classes int64 (N,); `NO_LABEL` where the label sets differ, or Training has the face."""
    first, *others = (faces.labels(name).to(FER7).values for name in faces.label_sets)
    usable = np.ones(len(faces), bool) if faces.leaked is None else ~faces.leaked
    for other in others:
        usable &= other == first
    return np.where(usable, first, NO_LABEL)


def _faces_of_clip(
    faces: FaceSet, labels: np.ndarray, free: set[int], rng: np.random.Generator
) -> list[int]:
    """Rows of the faces of one clip, taken from those that are free: neighbours look alike."""
    chosen: list[int] = []
    for _ in range(SEGMENTS):
        rows = np.array(sorted(free))
        others = rows if not chosen else rows[labels[rows] != labels[chosen[-1]]]
        rows = others if len(others) else rows
        label = rng.choice(np.unique(labels[rows]))
        rows = rng.permutation(rows[labels[rows] == label])[:_CANDIDATES]
        if chosen:
            coarse = [_coarse(faces.images[row]) for row in (chosen[-1], *rows)]
            distances = [float(np.square(face - coarse[0]).sum()) for face in coarse[1:]]
            rows = rows[np.argsort(distances, kind="stable")]
        chosen.append(int(rows[0]))
        free.remove(chosen[-1])
    return chosen


def _coarse(face: np.ndarray) -> np.ndarray:
    """Light and dark parts of a face, whatever its contrast, float64 (H, W)."""
    grey = gaussian_filter(face.astype(np.float64).mean(axis=-1), 3)
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-9)


def _clip(name: str, shown: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> SourceClip:
    """One clip of faces uint8 (S, H, W, C) with their classes int64 (S,)."""
    frames = round(SEGMENT_SECONDS * RATE)
    segment, within = divmod(np.arange(len(shown) * frames), frames)
    since, left = (within + 0.5) / RATE, (frames - within - 0.5) / RATE
    half = FADE_SECONDS / 2 - 1e-9
    before = np.where(segment > 0, np.clip(0.5 - since / FADE_SECONDS, 0, 0.5), 0)
    after = np.where(segment < len(shown) - 1, np.clip(0.5 - left / FADE_SECONDS, 0, 0.5), 0)
    grey = shown.mean(axis=-1) / 255
    previous, following = np.maximum(segment - 1, 0), np.minimum(segment + 1, len(shown) - 1)
    weight = (1 - before - after)[:, None, None]
    images = (
        weight * grey[segment]
        + before[:, None, None] * grey[previous]
        + after[:, None, None] * grey[following]
    )
    fading = ((segment > 0) & (since < half)) | ((segment < len(shown) - 1) & (left < half))
    values = np.where(fading, NO_LABEL, labels[segment])
    pixels = np.stack(list(_filmed(images, rng)))[..., None]
    crops = {pixels.shape[1]: pixels}
    return SourceClip(
        name, np.arange(len(pixels)) / RATE, crops, Labels(FER7, values), labels[segment]
    )


def _filmed(images: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Frames float (T, H, W) as a camera would see them, uint8 (H, W) each."""
    steps = rng.standard_normal((3, len(images))) * np.sqrt(1 - _CALM**2)
    drift = lfilter([1.0], [1.0, -_CALM], steps, axis=1)
    for image, across, down, gain in zip(images, *drift):
        moved = shift(image, (_SHIFT * down, _SHIFT * across), order=1, mode="nearest")
        noisy = moved * (1 + _GAIN * gain) + _NOISE * rng.standard_normal(image.shape)
        yield np.clip(np.round(255 * noisy), 0, 255).astype(np.uint8)
