"""Which faces the models were selected on, and which split to quote.

A figure on faces that were used to choose a model or its epoch is too high. `selected_on` in a card
says what was selected on which faces. PrivateTest, if the data contain it, is reserved for reports.
"""

from evaluation.results.run import FinishedRun
from reports.words.text import listing, thin_thousands

PRIVATE = "PrivateTest"


def selected_on(run: FinishedRun) -> list[tuple[str, str]]:
    """Models, and what was selected on which faces; models with the same text share an entry."""
    models: dict[str, list[str]] = {}
    for model, entry in run.manifest["models"].items():
        if text := (entry.get("card") or {}).get("selected_on"):
            models.setdefault(thin_thousands(str(text)), []).append(model)
    return [(listing(names), text) for text, names in models.items()]


def split_note(run: FinishedRun) -> str:
    """Say which split the figures are on if that matters for nets of the zoo; else empty."""
    data = run.manifest["data"]
    if not any(entry.get("card") for entry in run.manifest["models"].values()):
        return ""
    if data["split"] == PRIVATE:
        return (
            f"These are figures on {PRIVATE}, which was used neither to train nor to select the "
            "nets of the zoo."
        )
    if data.get("private_test_available"):
        return (
            f"The data also contain {PRIVATE}, on which no net of the zoo was trained or selected. "
            f"For figures to quote, run again with `--split {PRIVATE}`."
        )
    return ""
