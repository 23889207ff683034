"""What attacks and corruptions cost: passes through a model and seconds."""

from typing import Any

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import NOT_APPLICABLE
from reports.table import Table, table
from reports.words.attacks import attack_title
from reports.words.text import MISSING, count, label_set_name, norm_name, seconds


def cost_summary(run: FinishedRun) -> Table:
    """Cost of each kind of perturbation, summed over all models and labels."""
    rows = pd.DataFrame(run.manifest["perturbations"]).reindex(
        columns=["perturbation", "norm", "forward", "backward", "seconds", "status"]
    )
    rows = rows[rows.pop("status") != NOT_APPLICABLE]
    rows = rows.fillna({"norm": "", "forward": 0, "backward": 0, "seconds": 0})
    sums = rows.groupby(["perturbation", "norm"], sort=False)
    cells = [
        [
            attack_title(run.manifest, name),
            norm_name(norm) if norm else "",
            count(len(group)),
            count(float(group["forward"].sum())),
            count(float(group["backward"].sum())),
            seconds(float(group["seconds"].sum())),
        ]
        for (name, norm), group in sums
    ]
    head = ["attack or corruption", "norm", "sweeps", "forward passes", "backward passes", "time"]
    return table("cost-summary", head, cells, sums.sum().reset_index(), "Costs by attack")


def cost_sentence(run: FinishedRun) -> str:
    """The cost of the whole run: time and passes of all attacks and corruptions.

    A face with one label under both label sets is attacked once, and images made on other models
    once for all black boxes: each such sweep counts the passes, and only the first the time.
    """
    rows = pd.DataFrame(run.manifest["perturbations"]).reindex(
        columns=["forward", "backward", "seconds", "reused_chunks"]
    )
    rows = rows.fillna(0).astype(float)
    sums, earlier = rows.sum(), rows.seconds[rows.reused_chunks > 0].sum()
    words = (
        f"Attacks and corruptions took {seconds(sums['seconds'])}, "
        f"{count(sums['forward'])} forward and {count(sums['backward'])} backward passes."
    )
    if earlier:
        words += (
            f" {seconds(earlier)} of it went into sets that were, at least in part, on disk when "
            "the run was last started."
        )
    entries = run.manifest["perturbations"]
    labels = {entry.get("attacked_labels") for entry in entries} - {"", None}
    if len(labels) > 1 or any(entry.get("sources") for entry in entries):
        words += " Passes that sweeps share count in each of them."
    return words


def costs(run: FinishedRun) -> Table:
    """Cost of each sweep."""
    rows = run.manifest["perturbations"]
    cells = [
        [
            attack_title(run.manifest, cost["perturbation"]),
            norm_name(cost["norm"]) if cost.get("norm") else "",
            cost.get("model") or "all",
            label_set_name(cost.get("attacked_labels") or MISSING),
            _number(cost.get("forward")),
            _number(cost.get("backward")),
            seconds(float(cost.get("seconds") or 0)) if "seconds" in cost else MISSING,
            _chunks(cost),
            cost.get("status", "ok"),
        ]
        for cost in rows
    ]
    head = ["attack or corruption", "norm", "model", "labels", "forward", "backward", "time"]
    head += ["reused chunks", "status"]
    return table("costs", head, cells, pd.DataFrame(rows), "Costs of every sweep")


def _number(value: Any) -> str:
    return MISSING if value is None else count(float(value))


def _chunks(cost: dict[str, Any]) -> str:
    if cost.get("chunks") is None:
        return MISSING
    return f"{cost.get('reused_chunks') or 0} of {cost['chunks']}"
