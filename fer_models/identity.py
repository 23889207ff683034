"""What a model is: what it answers to fixed images, beside the hash of its files.

A hash sees no file that it does not know of: a callable may read its weights from anywhere. So the
logits on a few generated images are kept beside it (a fingerprint), and compared before anything
that was made with a model is used again.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, words_of
from datasets.sample.faces import read_sample
from fer_models.classifier import Classifier
from fer_models.loss_slopes import unmasked

FINGERPRINT_IMAGES = 8
FINGERPRINT_FACES = 64
"""Generated faces that a model which tells only labels is asked about, too: the images above get
few different labels."""
AGREEMENT = 1e-3
"""Share of the spread of all logits by which an image's logits may differ, masked classes left out.
Another machine or batch size changes float32 logits by a hundredth of that."""

MOST_CHANGED = 0.5
"""Share of the images from which on two fingerprints of logits are of different models."""
Fingerprints = dict[str, np.ndarray]
"""Logits of fixed images, float32 (N, K), by the model's id; see `fingerprint`."""
CHANGED = np.empty(0, np.float32)
"""The fingerprint of a model that changed while it was used: it is no model's, so none goes on."""


def fingerprint(classifier: Classifier, draw: str = "") -> np.ndarray:
    """Logits on fixed generated images, float32 (N, K), as the model answers now.

    N is 8, and 72 for a model that tells only labels.

    Args:
        classifier: the model.
        draw: see `Classifier.asked_anew`; another one tells whether the model answers at random.

    Raises:
        ModelError: the model failed, or answered what cannot be logits.
    """
    images = fixed_images()
    if classifier.labels_only:
        images = np.concatenate([images, _fixed_faces()])
    with classifier.asked_anew(draw):
        return classifier.logits(images)


def fixed_images() -> np.ndarray:
    """Smooth random greys from black to white, always the same, float32 (8, 48, 48, 1)."""
    rng = np.random.default_rng(2013)
    waves = np.linspace(0, np.pi, 48)
    basis = np.cos(np.arange(6)[:, None] * waves)  # (6, 48), low frequencies
    coarse = rng.standard_normal((FINGERPRINT_IMAGES, 6, 6))
    fields = np.einsum("nij,ih,jw->nhw", coarse, basis, basis)
    low, high = fields.min(axis=(1, 2), keepdims=True), fields.max(axis=(1, 2), keepdims=True)
    images: np.ndarray = ((fields - low) / (high - low)).astype(np.float32)[..., None]
    return images


def _fixed_faces() -> np.ndarray:
    """Some of the embedded sample, of each class as many, float32 (64, 48, 48, 1)."""
    faces = read_sample().images
    rows = np.linspace(0, len(faces) - 1, FINGERPRINT_FACES).astype(int)
    images: np.ndarray = faces[rows].astype(np.float32) / np.float32(255)
    return images


def same_answers(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two fingerprints are those of one model, whatever machine made them."""
    return changed_share(one, other) < share_of_another(one)


def share_of_another(logits: np.ndarray) -> float:
    """Share of the images from which on another fingerprint is of another model.

    Less than `MOST_CHANGED` may differ: a defence that rounds pixels may fall to the other side on
    another machine, while other weights change every image. Of labels none may differ, as other
    weights leave most of them as they are.

    Args:
        logits: one of the two fingerprints, (N, K).
    """
    ones, others = (logits == 1).sum(axis=-1), (logits != 0).sum(axis=-1)
    only_labels = ones.size and np.all((ones == 1) & (others == 1))
    return 1 / len(logits) if only_labels else MOST_CHANGED


def changed_share(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the images on which two fingerprints differ; 1 where their classes do.

    One of an older version may have fewer images; the first ones are the same.
    """
    one, other = (np.asarray(each, np.float64) for each in (one, other))
    if one.shape[1:] != other.shape[1:]:
        return 1.0
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    known = unmasked(one), unmasked(other)
    spread = max(np.ptp(one[known[0]]), np.ptp(other[known[1]]))
    apart = np.where(known[0] | known[1], np.abs(one - other), 0).max(axis=1)
    agree = apart <= AGREEMENT * spread
    return float((~agree).mean())


def read_fingerprints(
    path: Path, whose: str = "run", step: str = "Start a new run."
) -> Fingerprints:
    """Read what `write_fingerprints` wrote.

    Args:
        path: the file.
        whose: models they are, in words.
        step: what to do where the file is damaged, a sentence.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        with np.errstate(over="ignore"):  # infinite, and so of another model
            return {str(name): np.array(rows, np.float32) for name, rows in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the logits of the {whose}'s models, found {words_of(error)}. {step}"
        ) from error


def write_fingerprints(kept: Fingerprints, path: Path) -> None:
    """Write fingerprints, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(json.dumps({name: rows.tolist() for name, rows in kept.items()}))


def hash_of_net(net: Any, of: str = "") -> str:
    """Hex sha256 of a Keras net's weights, and of its layers and their settings.

    Nets may differ in settings alone. Names are left out, as Keras numbers them anew for each net;
    so are the settings of layers that cannot tell them.

    Args:
        net: the net.
        of: what else the hash is of.
    """
    layers = (f"{type(layer).__name__} {_settings(layer)}" for layer in net._flatten_layers())
    digest = sha256((of + "\n".join(layers)).encode())
    for variable in net.weights:
        digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()


def _settings(layer: Any) -> str:
    if hasattr(layer, "layers"):  # a net: its layers are told one by one
        return ""
    try:
        told = _without_names(layer.get_config())
        return json.dumps(told, sort_keys=True, default=lambda value: type(value).__name__)
    except Exception:  # whatever the code of others does
        return ""


def _without_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_names(held) for key, held in value.items() if key != "name"}
    if isinstance(value, list | tuple):
        return [_without_names(held) for held in value]
    return value


def reduced_sha256(weights_sha256: str) -> str:
    """Identity of a classifier's weights with gradients in bfloat16."""
    return sha256(f"{weights_sha256} bfloat16".encode()).hexdigest()
