"""Predictions drawn: boxes with labels on the photograph, and a bar chart of one face."""

import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from datasets.base.atomic import atomic
from datasets.base.percentages import in_percent
from fer_models.face_predictions import FacePrediction

ANSWER, OTHERS = "#2F6DB5", "#8A8F98"


def percent(share: float) -> str:
    """`92 %`; `<1 %` for what would be rounded to nothing."""
    return "<1 %" if share < 0.005 else f"{in_percent(share)} %"


def caption(prediction: FacePrediction, top: int = 1) -> str:
    """The most probable classes: `happy 92 %, surprise 5 %`; a label without a share if alone."""
    if prediction.labels_only:
        return prediction.label
    return ", ".join(f"{name} {percent(share)}" for name, share in prediction.ranked[:top])


def shortened(name: str, longest: int = 36) -> str:
    """A file's name without its middle when it is long."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}\u2026{name[-half:]}"


def annotated(image: np.ndarray, predictions: list[FacePrediction], top: int = 1) -> np.ndarray:
    """A copy of the photograph with a box and a caption for every face, numbered from 1.

    Args:
        image: uint8 RGB (H, W, 3).
        predictions: faces of this photograph.
        top: classes named per face.

    Returns:
        uint8 RGB (H, W, 3).
    """
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    side = max(picture.size)
    line, font = max(2, side // 250), ImageFont.load_default(max(12, side // 40))
    for number, prediction in reversed(list(enumerate(predictions, 1))):  # the largest on top
        box = prediction.box
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        draw.rectangle(corners, outline=ANSWER, width=line)
        text = f"{number} {caption(prediction, top)}"
        left, upper, right, lower = draw.textbbox((0, 0), text, font=font)
        width, height = right - left + 4 * line, lower - upper + 4 * line
        x = max(0, min(box.x, picture.width - width))
        y = box.y - height if box.y >= height else box.y + box.height
        y = max(0, min(y, picture.height - height))
        draw.rectangle((x, y, x + width, y + height), fill=ANSWER)
        draw.text((x + 2 * line - left, y + 2 * line - upper), text, "white", font)
    return np.asarray(picture)


def write_picture(image: np.ndarray, path: Path) -> None:
    """Write uint8 RGB (H, W, 3) or grey (H, W) as PNG, atomically."""
    with atomic(path) as unfinished:
        Image.fromarray(image).save(unfinished, format="PNG")


def set_title(figure: Figure, title: str) -> None:
    """Put a title above a figure, file names in it as they are: `$` starts no formula."""
    figure.suptitle(title, x=0.01, ha="left", parse_math=False)


def draw_chart(prediction: FacePrediction, title: str, path: Path) -> None:
    """Write a PNG: the face as the classifier saw it, and its probabilities as bars.

    Args:
        prediction: the face.
        title: above the chart.
        path: `.png`.
    """
    names, shares = zip(*prediction.probabilities.items())
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.5, 3.2), width_ratios=(1, 1.7), layout="constrained"
    )
    left.imshow(prediction.face[..., 0], cmap="gray", vmin=0, vmax=255)
    left.axis("off")
    colours = [ANSWER if name == prediction.label else OTHERS for name in names]
    bars = right.barh(names, [100 * share for share in shares], color=colours)
    if not prediction.labels_only:
        right.bar_label(bars, [percent(share) for share in shares], padding=4)
    right.invert_yaxis()
    right.set_xlim(0, 115)
    right.set_xticks([] if prediction.labels_only else range(0, 101, 25))
    right.set_xlabel("the label, no probability" if prediction.labels_only else "probability, %")
    right.spines[["top", "right", "left"]].set_visible(False)
    right.spines["bottom"].set_bounds(0, 100)
    right.tick_params(axis="y", length=0)
    for text in right.get_yticklabels():
        if text.get_text() == prediction.label:
            text.set_fontweight("bold")
    set_title(figure, title)
    with atomic(path) as unfinished:
        with warnings.catch_warnings(action="ignore"):  # letters that the font lacks
            figure.savefig(unfinished, dpi=130, format="png")
        plt.close(figure)
