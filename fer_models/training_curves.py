"""Draw a training's history: loss and accuracy by epoch, training and PublicTest."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

CLEAN, NEUTRAL = "#2F6DB5", "#8A8F98"


def plot_history(history: list[dict[str, float]], title: str, path: Path) -> None:
    """Write a picture with accuracy (percent) on the left and loss on the right.

    Args:
        history: lines of `history.csv`.
        title: the finding, above the picture.
        path: `.png` or `.svg`.
    """
    frame = pd.DataFrame(history)
    with sns.axes_style("whitegrid"):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axes, column, scale in ((left, "accuracy", 100), (right, "loss", 1)):
        sns.lineplot(x=frame.epoch, y=scale * frame[column], ax=axes, color=NEUTRAL, linestyle="--")
        sns.lineplot(x=frame.epoch, y=scale * frame[f"val_{column}"], ax=axes, color=CLEAN)
        for series, name, colour in (
            (column, "Training", NEUTRAL),
            (f"val_{column}", "PublicTest", CLEAN),
        ):
            axes.annotate(
                f"{name} {scale * frame[series].iloc[-1]:.{1 if scale == 100 else 2}f}",
                (frame.epoch.iloc[-1], scale * frame[series].iloc[-1]),
                xytext=(5, 0),
                textcoords="offset points",
                color=colour,
                va="center",
                annotation_clip=False,
            )
        sns.despine(ax=axes)
        axes.set_xlabel("epoch")
    left.set_ylabel("accuracy, %")
    left.set_ylim(0, 100)
    right.set_ylabel("cross-entropy, nats")
    figure.suptitle(title, x=0.01, ha="left")
    figure.savefig(path, dpi=110)
    plt.close(figure)
