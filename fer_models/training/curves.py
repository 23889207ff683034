"""Draw a training's history: loss and accuracy by epoch, on learnt and on held-out faces."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from fer_models.training.loop import ROBUST_COLUMN

CLEAN, ATTACKED, NEUTRAL = "#2F6DB5", "#C8453B", "#8A8F98"
CURVES = (
    ("accuracy", "learnt", NEUTRAL, "--"),
    ("val_accuracy", "held out", CLEAN, "-"),
    (ROBUST_COLUMN, "attacked", ATTACKED, "-."),
    ("loss", "learnt", NEUTRAL, "--"),
    ("val_loss", "held out", CLEAN, "-"),
)
"""Column of `history.csv`, its name beside the curve, colour and line style."""


def plot_history(history: list[dict[str, float]], title: str, path: Path) -> None:
    """Write a picture with accuracy (percent) on the left and loss on the right.

    Args:
        history: rows of `history.csv`.
        title: the finding, above the picture.
        path: `.png` or `.svg`.
    """
    frame = pd.DataFrame(history)
    with sns.axes_style("whitegrid"):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for column, name, colour, style in CURVES:
        if column not in frame:
            continue
        is_loss = column.endswith("loss")
        axes, values = (right, frame[column]) if is_loss else (left, 100 * frame[column])
        sns.lineplot(x=frame.epoch, y=values, ax=axes, color=colour, linestyle=style)
        axes.annotate(
            f"{name} {values.iloc[-1]:.{2 if is_loss else 1}f}",
            (frame.epoch.iloc[-1], values.iloc[-1]),
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )
    for axes in (left, right):
        sns.despine(ax=axes)
        axes.set_xlabel("epoch")
    left.set_ylabel("accuracy, %")
    left.set_ylim(0, 100)
    right.set_ylabel("cross-entropy, nats")
    figure.suptitle(title, x=0.01, ha="left")
    figure.savefig(path, dpi=110)
    plt.close(figure)
