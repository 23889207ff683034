"""Drawings of explanations: Grad-CAM maps of the most likely classes, and grids of activations."""

import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fer_models.explanations.feature_maps import activation_grid, grad_cam, overlay
from fer_models.face_pictures import percent, set_title
from fer_models.face_predictions import FacePrediction
from fer_models.net_classifier import NetClassifier

_CLASSES = 3
_SIDE = 900
_GAP = 255


def grad_cam_picture(
    classifier: NetClassifier, prediction: FacePrediction, layer: str | None, title: str
) -> np.ndarray:
    """The face, and over it the evidence for each of its three most likely classes.

    Args:
        classifier: the net that made the prediction.
        prediction: one face.
        layer: where the maps are taken; the net's last ones when None.
        title: title of the picture.

    Returns:
        uint8 RGB (H, W, 3).
    """
    image = prediction.face.astype(np.float32) / 255
    best = prediction.ranked[:_CLASSES]
    classes = np.array([classifier.scheme.classes.index(name) for name, _ in best])
    heats = grad_cam(classifier, np.repeat(image[None], len(best), axis=0), classes, layer)
    figure, axes = plt.subplots(
        1, 1 + len(best), figsize=(2.4 * (1 + len(best)), 3), layout="constrained"
    )
    axes[0].imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
    axes[0].set_title("input")
    for axis, heat, (name, share) in zip(axes[1:], heats, best):
        axis.imshow(overlay(image, heat))
        axis.set_title(f"{name} {percent(share)}")
    for axis in axes:
        axis.axis("off")
    set_title(figure, title)
    figure.set_dpi(110)
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings(action="ignore"):  # for letters that the font lacks
        canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    return picture


def grid_picture(classifier: NetClassifier, face: np.ndarray, layer: str) -> np.ndarray:
    """All maps of a layer, dark where they are low, white between them; at least 900 px wide.

    Args:
        classifier: a convolutional net.
        face: uint8 (H, W, 1).
        layer: name of a layer with maps.

    Returns:
        uint8 RGB (H, W, 3).
    """
    grid = activation_grid(classifier, face.astype(np.float32) / 255, layer)
    colours = sns.color_palette("mako", as_cmap=True)(np.nan_to_num(grid), bytes=True)[..., :3]
    picture = np.where(np.isnan(grid)[..., None], np.uint8(_GAP), colours)
    scale = max(1, -(-_SIDE // grid.shape[1]))
    return np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)
