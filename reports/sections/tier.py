"""What the quick tier's figures can and cannot show."""

from evaluation.results.run import FinishedRun

QUICK = "quick"


def tier_note(run: FinishedRun) -> str:
    """Say that few faces and short attacks prove no robustness; empty for other tiers."""
    if run.manifest["config"].get("tier") != QUICK:
        return ""
    return (
        "The quick tier attacks few faces with short attacks: it shows that model, data and "
        "pipeline work, and it can show that a model is not robust, never that it is. For figures "
        "to quote, run again with `--tier standard`."
    )
