"""Changes to a tiny run's rows and manifest, and look-ups in what is compared."""

from collections.abc import Callable

import pandas as pd


def pick(table: pd.DataFrame, **columns: object) -> pd.Series:
    for name, value in columns.items():
        table = table[table[name] == value]
    assert len(table) == 1, table
    return table.iloc[0]


def spoil(rows: pd.DataFrame) -> pd.DataFrame:
    """The model misreads the first ten faces that it had right, clean."""
    clean = (rows.model == "tiny.fer") & (rows.perturbation == "none")
    right = rows.index[clean & (rows.prediction == rows.fer)][:10]
    rows.loc[right, "prediction"] = (rows.loc[right, "prediction"] + 1) % 7
    return rows


def data(**changes: object) -> Callable[[dict], None]:
    return lambda manifest: manifest["data"].update(changes)


def config(**changes: object) -> Callable[[dict], None]:
    return lambda manifest: manifest["config"].update(changes)


def rename(manifest: dict) -> None:
    manifest["models"]["tiny.fer"]["weights_sha256"] = "f" * 64


def other_steps(manifest: dict) -> None:
    manifest["config"]["attacks"][-1]["steps"] = 50


def narrow(manifest: dict) -> None:
    manifest["config"]["attacks"][-1]["headline_only"] = ["linf"]


def without(name: str, model: str, labels: str = "") -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Drops the rows of a set that crashed."""

    def drop(rows: pd.DataFrame) -> pd.DataFrame:
        lost = (rows.model == model) & (rows.perturbation == name)
        return rows[~(lost & (rows.attacked_labels == labels))]

    return drop


def crash(name: str, model: str, labels: str = "", **changes: object) -> Callable[[dict], None]:
    def fail(manifest: dict) -> None:
        entry = {"perturbation": name, "norm": "", "grid": [0.02, 0.1], "options": {}}
        found = {"model": model, "attacked_labels": labels, "status": "error", "message": "boom"}
        manifest["perturbations"].append(entry | found | changes)

    return fail


def figures_of(table: pd.DataFrame, model: str, label_set: str) -> set[tuple[str, str]]:
    rows = table[(table.model == model) & (table.label_set == label_set)]
    return set(zip(rows.perturbation, rows.metric, strict=True))
