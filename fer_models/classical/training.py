"""Training of a classical classifier: it takes minutes, so it is never resumed."""

import sys
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fer_models.classical.autoencoder import Encoder, fit_autoencoder
from fer_models.classical.boosting import fit_trees
from fer_models.classical.features import extract
from fer_models.classical.grey_faces import grey_faces
from fer_models.classical.models import FaceModel, FaceTrees, FeatureSvm, tree_features
from fer_models.classical.recipes import LgbmRecipe, SvmRecipe
from fer_models.classical.svm import Svm, fit_svm
from fer_models.training.batches import TrainingRows

BATCH_SIZE = 1000
"""Faces whose features are computed together, with one line of progress."""


def fit_classical(
    recipe: SvmRecipe | LgbmRecipe, train: TrainingRows, validation: TrainingRows, seed: int
) -> FaceModel:
    """Train a model; rows of several labels are learnt as the one with the largest share.

    Args:
        recipe: what to train.
        train: rows to learn from.
        validation: rows that choose how many trees are kept, and how steep an SVM's logits are.
        seed: random seed.
    """
    faces, their_faces = _faces(train), _faces(validation)
    labels, their_labels = train.targets.argmax(axis=1), validation.targets.argmax(axis=1)
    num_classes = train.targets.shape[1]
    if isinstance(recipe, SvmRecipe):
        svm = fit_svm(_features(faces, recipe), labels, num_classes, recipe, seed)
        their_features = np.concatenate(_features(their_faces, recipe), axis=1)
        return FeatureSvm(recipe.features, calibrated(svm, their_features, their_labels))
    encoder = None
    if recipe.code:
        encoder = Encoder(fit_autoencoder(faces, recipe.code, recipe.code_epochs, seed))
    train_rows = tree_features(faces, encoder), labels
    validation_rows = tree_features(their_faces, encoder), their_labels
    return FaceTrees(fit_trees(train_rows, validation_rows, num_classes, recipe, seed), encoder)


def calibrated(svm: Svm, features: np.ndarray, labels: np.ndarray) -> Svm:
    """The SVM, its decision values times the factor under which their softmax fits best.

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599.
    """
    decisions = svm.logits(features)

    def loss(log_factor: float) -> float:
        log_shares = log_softmax(np.exp(log_factor) * decisions, axis=1)
        return -float(log_shares[np.arange(len(labels)), labels].mean())

    factor = np.float32(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))
    return replace(svm, coefficients=factor * svm.coefficients, intercept=factor * svm.intercept)


def _faces(rows: TrainingRows) -> np.ndarray:
    parts = [
        grey_faces(rows.images[start : start + BATCH_SIZE].astype(np.float32) / 255)
        for start in range(0, len(rows.images), BATCH_SIZE)
    ]
    return np.concatenate(parts)


def _features(faces: np.ndarray, recipe: SvmRecipe) -> list[np.ndarray]:
    """Features of each kind, with a line of progress every `BATCH_SIZE` faces."""
    parts = []
    for start in range(0, len(faces), BATCH_SIZE):
        parts.append(extract(faces[start : start + BATCH_SIZE], recipe.features))
        done = min(start + BATCH_SIZE, len(faces))
        print(f"features of {done} of {len(faces)} faces", file=sys.stderr)
    return [np.concatenate(kind) for kind in zip(*parts)]
