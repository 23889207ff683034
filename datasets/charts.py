"""Charts of a data source: class counts, agreement of the label sets, sample faces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from datasets.agreement import Agreement
from datasets.base.atomic import atomic
from datasets.base.percentages import in_percent, rounded
from datasets.labels import FER7, FERPLUS8, LabelScheme

FER_COLOUR = "#0F8B8D"
FERPLUS_COLOUR = "#7A4FBF"
_MUTED = "#5F6470"
_FACE_PIXELS = 96
_FACES_PER_ROW = 8
_DPI = 100
_STYLE: Any = {"svg.fonttype": "none", "font.size": 10, "axes.titlelocation": "left"}


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write `path` + `.png` and `.svg`, each atomically; returns both paths."""
    written = []
    for ending in ("png", "svg"):
        final = path.with_name(f"{path.name}.{ending}")
        with atomic(final) as unfinished:
            figure.savefig(unfinished, format=ending, dpi=_DPI, facecolor="white")
        written.append(final)
    plt.close(figure)
    return written


def plot_class_counts(counts: dict[LabelScheme, pd.DataFrame], names: Mapping[str, str]) -> Figure:
    """Share of each class in each split, one panel per label set; empty splits are left out.

    Args:
        counts: for each scheme a table with one row per class and one column per split.
        names: what the label sets are called.
    """
    counts = {
        scheme: table.loc[:, table.sum() > 0]
        for scheme, table in counts.items()
        if table.to_numpy().any()
    }
    colours = {FER7: FER_COLOUR, FERPLUS8: FERPLUS_COLOUR}
    with sns.axes_style("whitegrid"), plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            1, len(counts), figsize=(5.6 * len(counts), 4.8), squeeze=False, layout="constrained"
        )
        for axis, (scheme, table) in zip(axes[0], counts.items()):
            name, colour = names[scheme.name], colours[scheme]
            name += " (majority)" if scheme is FERPLUS8 else ""
            shares = 100 * table / table.sum()
            long = shares.rename_axis("class").reset_index().melt("class", var_name="split")
            palette = sns.light_palette(colour, len(table.columns) + 1, reverse=True)[:-1]
            sns.barplot(
                long, x="value", y="class", hue="split", ax=axis, palette=palette, saturation=1
            )
            for container, split in zip(axis.containers, table.columns):
                texts = [f" {count:,}" for count in table[split]]
                axis.bar_label(container, texts, fontsize=8, color=_MUTED)
            top, low = shares.iloc[:, 0].idxmax(), shares.iloc[:, 0].idxmin()
            axis.set_title(
                f"{name}: {top} leads with {rounded(shares.loc[top].iloc[0], 1)} %,\n"
                f"{low} has {rounded(shares.loc[low].iloc[0], 1)} %"
            )
            axis.set(xlabel=f"% of the split (n = {_thin(table.sum())})", ylabel="")
            axis.set_xlim(0, 1.18 * shares.to_numpy().max())
            axis.legend(title=None, frameon=False, loc="lower right")
            sns.despine(ax=axis, left=True, bottom=True)
    return figure


def plot_agreement(agreement: Agreement, names: Mapping[str, str]) -> Figure:
    """FER+ labels of each FER class, as a heat map whose rows sum to 100 %.

    Args:
        agreement: of the two label sets.
        names: what the label sets are called.
    """
    totals = np.maximum(agreement.counts.sum(axis=1, keepdims=True), 1)
    shares = 100 * agreement.counts / totals
    columns = [FERPLUS8.classes.index(name) for name in _FERPLUS_IN_FER_ORDER]
    least = int(np.nanargmin(agreement.survival))
    lowest = in_percent(agreement.survival[least], 1)
    with plt.rc_context(_STYLE):
        figure, axis = plt.subplots(figsize=(8.4, 5.6), layout="constrained")
        sns.heatmap(
            pd.DataFrame(shares[:, columns], FER7.classes, _FERPLUS_IN_FER_ORDER),
            annot=[[rounded(share, 1) for share in row] for row in shares[:, columns]],
            fmt="",
            cmap="mako_r",
            vmin=0,
            vmax=100,
            linewidths=1,
            ax=axis,
            cbar_kws={"label": f"% of the {names['fer']} class"},
        )
        axis.set_title(
            f"{names['fer']} and {names['ferplus']} agree on "
            f"{in_percent(agreement.share, 1)} % of faces "
            f"(kappa {agreement.kappa:.2f}, n = {agreement.n:,});\n"
            f"{FER7.classes[least]} is confirmed least ({lowest} %)"
        )
        axis.set(xlabel=f"{names['ferplus']} label (majority)", ylabel=f"{names['fer']} label")
        axis.tick_params(axis="y", rotation=0)
        axis.tick_params(axis="x", rotation=30)
    return figure


_FERPLUS_IN_FER_ORDER = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
    "contempt",
)


def plot_faces(images: np.ndarray, labels: np.ndarray, scheme: LabelScheme, title: str) -> Figure:
    """Grid of random faces, one row per class, at their own pixels.

    Args:
        images: uint8 (N, H, W, C).
        labels: int (N,), -1 for no label.
        scheme: names of the classes.
        title: title of the chart.
    """
    rng = np.random.default_rng(0)
    step = _FACE_PIXELS + 6
    height, width = step * scheme.num_classes, step * _FACES_PER_ROW
    sheet = np.full((height, width, 3), 255, dtype=np.uint8)
    for row in range(scheme.num_classes):
        members = np.flatnonzero(labels == row)
        for column, member in enumerate(rng.permutation(members)[:_FACES_PER_ROW]):
            face = _enlarged(images[member])
            top, left = row * step + 3, column * step + 3
            sheet[top : top + face.shape[0], left : left + face.shape[1]] = face
    margin, head = 90, 40
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=((width + margin) / _DPI, (height + head) / _DPI), dpi=_DPI)
        axis = figure.add_axes(
            (margin / (width + margin), 0, width / (width + margin), height / (height + head))
        )
        axis.imshow(sheet, interpolation="none", aspect="auto")
        axis.axis("off")
        for row, name in enumerate(scheme.classes):
            axis.text(-8, (row + 0.5) * step, name, ha="right", va="center", fontsize=11)
        figure.text(0.01, 1 - 0.5 * head / (height + head), title, va="center", fontsize=12)
    return figure


def _enlarged(image: np.ndarray) -> np.ndarray:
    """RGB uint8, at most `_FACE_PIXELS` wide and high: pixels repeated, or every n-th one kept."""
    side = max(image.shape[:2])
    if side > _FACE_PIXELS:
        every = -(-side // _FACE_PIXELS)
        image = image[::every, ::every]
    times = max(1, _FACE_PIXELS // max(image.shape[:2]))
    image = image.repeat(times, axis=0).repeat(times, axis=1)
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image


def _thin(totals: pd.Series) -> str:
    return ", ".join(f"{split} {total:,}" for split, total in totals.items())
