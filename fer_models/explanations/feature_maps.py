"""Where a convolutional net looks: Grad-CAM maps and activation grids, as arrays.

Not here: drawing them (`fer_models/explanations/pictures.py`).

Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via
gradient-based localization", arXiv 1610.02391, equations 1 and 2.
"""

import math

import cv2
import numpy as np

from fer_models.classifier import check_images
from fer_models.net_classifier import NetClassifier

_FEWEST_ROWS = 6
"""Smallest side of a map; coarser maps locate too little: hiding the peak of a 3x3 map of
`mini_xception.fer` changed its logit no more than hiding any other place (see the test with shipped
nets)."""


def map_layers(classifier: NetClassifier) -> list[str]:
    """Names of the layers whose output is a map of a fixed size, from image to logits.

    Raises:
        ValueError: the model has none.
    """
    return list(_sizes(classifier))


def default_layer(classifier: NetClassifier) -> str:
    """The last map of at least 6x6: late enough to be about the class, and still with positions."""
    sizes = _sizes(classifier)
    wide = [name for name, size in sizes.items() if min(size) >= _FEWEST_ROWS]
    return (wide or list(sizes))[-1]


def stage_layers(classifier: NetClassifier) -> list[str]:
    """The last layer of each map size, from image to logits: one per stage of the net."""
    last: dict[tuple[int, int], str] = {}
    for name, size in _sizes(classifier).items():
        last.pop(size, None)
        last[size] = name
    return list(last.values())


def _sizes(classifier: NetClassifier) -> dict[str, tuple[int, int]]:
    sizes = classifier.map_sizes()
    if not sizes:
        raise ValueError(
            f"explanations need a convolutional net of a fixed size. Received: {classifier.id}"
        )
    return sizes


def grad_cam(
    classifier: NetClassifier,
    images: np.ndarray,
    classes: np.ndarray | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Compute how much each place supports a class.

    Args:
        classifier: a convolutional net behind its contract.
        images: float32 (N, H, W, C) in [0, 1].
        classes: int64 (N,); the predicted ones when None.
        layer: name of a layer with maps; `default_layer` when None.

    Returns:
        float32 (N, H, W) in [0, 1], the largest value of each image 1; all 0 where no place
        supports the class.

    Raises:
        ValueError: wrong images, or the layer has no maps.
    """
    check_images(images)
    layer = _checked_layer(classifier, layer)
    classes = classifier.predict(images) if classes is None else classes
    activations, gradient = classifier.layer_gradients(images, classes, layer)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    maps = np.maximum((weights * activations).sum(axis=3), 0).astype(np.float32)
    peaks = maps.max(axis=(1, 2), keepdims=True)
    maps /= np.where(peaks > 0, peaks, 1)
    height, width = images.shape[1:3]
    heat = np.stack([cv2.resize(m, (width, height), interpolation=cv2.INTER_LINEAR) for m in maps])
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), 1e-12)


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a map over its image.

    Args:
        image: float32 (H, W, C) in [0, 1].
        heat: float32 (H, W) in [0, 1].

    Returns:
        uint8 (H, W, 3) RGB: grey face, warm colours where the map is high.
    """
    colours = cv2.applyColorMap(np.uint8(255 * heat), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = 255 * image.mean(axis=2, keepdims=True)
    strength = 0.6 * heat[..., None]
    return np.round((1 - strength) * grey + strength * colours).astype(np.uint8)


def activation_grid(
    classifier: NetClassifier, image: np.ndarray, layer: str, columns: int | None = None
) -> np.ndarray:
    """All maps of a layer side by side, each stretched to its own range.

    Args:
        classifier: a convolutional net behind its contract.
        image: float32 (H, W, C) in [0, 1].
        layer: name of a layer with maps, see `map_layers`.
        columns: maps per row; None makes the grid square.

    Returns:
        float32 (rows * (h + 1) - 1, columns * (w + 1) - 1) in [0, 1]; NaN between and after maps.
    """
    check_images(image[None])
    layer = _checked_layer(classifier, layer)
    maps = classifier.layer_maps(image[None], layer)[0]
    height, width, count = maps.shape
    columns = columns or math.ceil(math.sqrt(count))
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    maps = (maps - low) / np.where(high > low, high - low, 1)
    rows = -(-count // columns)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for i in range(count):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        grid[top : top + height, left : left + width] = maps[..., i]
    return grid


def _checked_layer(classifier: NetClassifier, layer: str | None) -> str:
    names = map_layers(classifier)
    if layer is not None and layer not in names:
        raise ValueError(f"`layer` must be one of {', '.join(names)}. Received: {layer!r}")
    return layer or default_layer(classifier)
