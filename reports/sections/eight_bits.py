"""Robust accuracy against an attacker whose images are stored with 8 bits, next to the float one.

The check "right again after 8 bits" says which share of an attack's broken images, each at its
smallest breaking eps, is classified correctly again after rounding. Every face broken up to the
largest eps has one such image, so the two figures belong to that eps.
"""

from typing import NamedTuple

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import attacks, clean_accuracy, pick, robust_accuracy
from evaluation.statistics.intervals import Interval, proportion
from reports.sections.figures import Figure, ranked
from reports.tables import Table, table
from reports.words.attacks import attack_title
from reports.words.text import count, eps_text, interval, label_set_name, percent

CHECK = "right again after 8 bits"


class Rounding(NamedTuple):
    """The strongest attack on a model, before and after its images are rounded."""

    model: str
    labels: str
    attack: str
    eps: str
    robust: Figure
    rounded: Interval


def eight_bit_table(run: FinishedRun) -> Table | None:
    """The strongest attack on each model at the largest eps, before and after rounding."""
    found = [row for model in ranked(run) for norm in run.norms if (row := _row(run, model, norm))]
    if not found:
        return None
    cells = [
        [
            *row[:4],
            f"{row.robust.text} ({row.robust.interval})",
            f"{percent(*row.rounded[:3])} ({interval(*row.rounded[1:3])})",
            count(row.robust.n),
        ]
        for row in found
    ]
    head = ["model", "labels", "attack", "eps", "robust accuracy", "rounded to 8 bits", "n"]
    data = [
        [*row[:4], row.robust.value, row.robust.low, row.robust.high, *row.rounded] for row in found
    ]
    columns = [*head[:4], "robust", "robust_low", "robust_high", "rounded", "rounded_low"]
    frame = pd.DataFrame(data, columns=[*columns, "rounded_high", "n"])
    return table("eight-bits", head, cells, frame)


def _row(run: FinishedRun, model: str, norm: str) -> Rounding | None:
    """One model's strongest attack in a norm; None where nothing was rounded."""
    own = run.own_label_set(model)
    clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
    checks = pick(run.checks, check=CHECK, model=model, attacked_labels=own)
    shares = checks.drop_duplicates("perturbation").set_index("perturbation")["value"]
    found: list[tuple[float, str, float, Figure]] = []
    for name in attacks(run.results, norm):
        rows = pick(robust_accuracy(run.results, own, norm, name), model=model)
        rows = rows[rows["value"].notna()]
        if name in shares and len(rows):
            last = rows.iloc[[-1]]
            robust = Figure.of(last)
            if robust.n == clean.n:
                found.append((robust.value, name, float(last["eps"].iloc[0]), robust))
    if not found:
        return None
    _, name, eps, robust = min(found, key=lambda attack: attack[:2])
    rounded = _rounded(clean, robust, float(shares[name]))
    title = attack_title(run.manifest, name)
    return Rounding(model, label_set_name(own), title, eps_text(eps, norm), robust, rounded)


def _rounded(clean: Figure, robust: Figure, share: float) -> Interval:
    """Robust accuracy when this share of the broken faces is classified correctly again."""
    right, still = round(clean.value * clean.n), round(robust.value * robust.n)
    return proportion(still + round(share * (right - still)), robust.n)
