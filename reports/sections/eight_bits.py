"""Robust accuracy against an attacker whose images have 8 bits, beside the float one."""

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline_eps, pick
from reports.sections.figures import EIGHT_BITS, Figure, bound, marked, ranked
from reports.table import Table, table
from reports.words.text import count, eps_text, finer_than_8_bits, label_set_name


def eight_bit_table(run: FinishedRun) -> Table | None:
    """The worst case of each model with float and with 8-bit images; None in older runs."""
    cells: list[list[str]] = []
    data: list[list[object]] = []
    for model in ranked(run):
        own = run.own_label_set(model)
        rows = pick(
            run.results, model=model, label_set=own, attacked_labels=own, subset="all",
            perturbation=WORST_CASE, metric=["robust_accuracy", EIGHT_BITS],
        )  # fmt: skip
        for norm, of_norm in rows.groupby("norm", sort=False):
            eps = headline_eps(of_norm["eps"].unique().tolist(), str(norm))
            at = pick(of_norm, eps=eps)
            exact, rounded = (
                Figure.of(pick(at, metric=name)) for name in ("robust_accuracy", EIGHT_BITS)
            )
            if not rounded.known:
                continue
            names = [model, label_set_name(own), eps_text(eps, str(norm))]
            sign = bound(run, model)
            shown = [
                marked(f"{sign}{one.text} ({one.interval})", one.status) for one in (exact, rounded)
            ]
            if finer_than_8_bits(eps, str(norm)):
                shown[1] = "no 8-bit image is so near"
            cells.append([*names, *shown, count(exact.n)])
            numbers = [(one.value, one.low, one.high, one.status) for one in (exact, rounded)]
            data.append([*names, *numbers[0], *numbers[1], exact.n, model in run.black_boxes])
    if not cells:
        return None
    head = ["model", "labels", "eps", "worst case", "worst case, 8-bit images", "n"]
    ends = ("", "_low", "_high", "_status")
    columns = [f"{name}{end}" for name in ("robust_accuracy", EIGHT_BITS) for end in ends]
    frame = pd.DataFrame(data, columns=[*head[:3], *columns, "n", "upper_bounds"])
    title = "Robust accuracy against float and against 8-bit images"
    return table("eight-bits", head, cells, frame, title)
