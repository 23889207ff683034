"""A paragraph on how a run measured, for the method section of a paper."""

from collections.abc import Callable, Mapping
from typing import Any

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.sections.attacks_run import attack_sentences
from reports.words.attacks import attack_title
from reports.words.text import (
    count,
    data_name,
    eps_text,
    face_count,
    label_set_name,
    listing,
    norm_name,
)

FER_PLUS = "ferplus"

Cite = Callable[[str], str]
"""Given `deadpan`, `fer2013`, `ferplus` or the name of an attack: its citation, or nothing."""

_NAMES = {
    "python": "Python",
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "keras": "Keras",
    "numpy": "NumPy",
    "scipy": "SciPy",
}


def method_sentences(run: FinishedRun, top: Headline | None, cite: Cite) -> list[str]:
    """Faces, labels, threat model, attacks with their settings, statistics, versions."""
    found = [_faces(run, cite), *_labels(run, cite)]
    for norm in run.norms:
        found += _threat(run, norm, cite)
    return [*found, *_statistics(run, top), _versions(run.manifest)]


def attacks_of(run: FinishedRun) -> list[str]:
    """Identifiers of the attacks whose figures the run has, in order."""
    rows = pick(run.results, metric="robust_accuracy")
    names = rows.loc[rows["attacked_labels"] != "", "perturbation"].unique()
    return [str(name) for name in names if name != WORST_CASE]


def is_fer2013(run: FinishedRun) -> bool:
    """Whether the faces are those of FER2013, by the name of the data."""
    return "fer2013" in str(run.manifest["data"]["name"]).lower()


def votes_count(run: FinishedRun) -> bool:
    """Whether the votes of FER+ annotators give labels in this run."""
    return FER_PLUS in run.label_sets and FER_PLUS not in run.label_names


def _faces(run: FinishedRun, cite: Cite) -> str:
    data, config = run.manifest["data"], run.manifest["config"]
    models, rows = len(run.models), data["rows"]
    groups = data.get("groups", rows)
    alike = f"; {count(groups)} groups of near duplicates" if groups < rows else ""
    chosen = (
        f", the first of a permutation with seed {config['seed']}" if config.get("limit") else ""
    )
    generated = " The faces are generated and belong to nobody." if data["generated"] else ""
    name = data_name(data) + (cite("fer2013") if is_fer2013(run) else "")
    return (
        f"We evaluated {models} classifier{'s' * (models != 1)} ({listing(run.models)}) with "
        f"Deadpan {run.manifest.get('deadpan_version', '')}{cite('deadpan')} on "
        f"{face_count(rows)} of {name} ({data['split']}{chosen}{alike}).{generated}"
    )


def _labels(run: FinishedRun, cite: Cite) -> list[str]:
    labelled = run.manifest["data"]["labelled"]
    shown = [
        f"{label_set_name(name)} labels (n = {count(labelled[name])})"
        for name in run.label_sets
        if name in labelled
    ]
    sentences = [f"Each model is scored under its own labels: {listing(shown)}."] if shown else []
    if votes_count(run):
        sentences.append(
            f"FER+ labels{cite('ferplus')} follow the majority rule: single votes are dropped, and "
            "the label is the emotion with more than half of the votes that remain."
        )
    return sentences


def _threat(run: FinishedRun, norm: str, cite: Cite) -> list[str]:
    rows = pick(run.results, norm=norm, metric="robust_accuracy")
    grid = sorted({eps for eps in rows["eps"] if eps > 0})
    names = [name for name in attacks_of(run) if name in set(rows["perturbation"])]
    if not grid or not names:
        return []
    what = "a pixel" if norm == "linf" else "the image"
    told: dict[str, list[str]] = {}
    for name in names:
        told.setdefault(cite(name) + _settings(run, name, norm), []).append(
            attack_title(run.manifest, name)
        )
    settings = "; ".join(f"{listing(titles)}{rest}" for rest, titles in told.items())
    return [
        f"The attacker wants any wrong answer; in {norm_name(norm)}, {what} changes by at most "
        f"eps = {listing([eps_text(eps, norm) for eps in grid])} on pixels in [0, 1].",
        f"Attacks and their settings: {settings}.",
        *attack_sentences(run, run.models, norm),
        *_limits(run),
        "A face is robust at eps if it is classified correctly when clean and under every attack "
        "that saw it, up to eps (worst case).",
    ]


def _settings(run: FinishedRun, name: str, norm: str) -> str:
    """` (steps 40, restarts 1)`; settings that differ between models, each with its models."""
    models: dict[str, list[str]] = {}
    for entry in run.manifest["perturbations"]:
        here = entry["perturbation"] == name and entry.get("norm") == norm
        if here and not entry.get("shown") and entry.get("status", "ok") == "ok":
            words = ", ".join(f"{key} {value}" for key, value in entry["options"].items())
            models.setdefault(words, []).append(entry["model"])
    if len(models) > 1:
        variants = (f"{words} on {listing(sorted(set(of)))}" for words, of in models.items())
        return f" ({'; '.join(variants)})"
    words = next(iter(models), "")
    return f" ({words})" if words else ""


def _limits(run: FinishedRun) -> list[str]:
    """What makes the figures of some models looser, or their gradients coarser."""
    limits = []
    if boxes := [model for model in run.models if model in run.black_boxes]:
        give = "gives" if len(boxes) == 1 else "give"
        limits.append(
            f"{listing(boxes)} {give} no gradients: robust accuracy is an upper bound there."
        )
    entries = run.manifest["perturbations"]
    coarse = {entry["model"] for entry in entries if entry.get("precision") == "bfloat16"}
    if coarse:
        limits.append(
            f"Gradients of {listing(sorted(coarse))} were computed in bfloat16; a face counts as "
            "broken only if the model misclassifies it in float32."
        )
    return limits


def _statistics(run: FinishedRun, top: Headline | None) -> list[str]:
    groups = "groups" in run.manifest["data"]
    sentences = [
        "Shares come with 95 % intervals, Wilson's, or Clopper and Pearson's where a count is "
        "below 5; other figures with those of a bootstrap, of draws stratified by class or of "
        "order statistics" + ("; near duplicates among the faces count once." if groups else ".")
    ]
    if len(run.models) > 1 and top:
        sentences.append(
            "Models are ranked by the area under the curve of the worst case up to "
            f"{top.text}; two models are compared by an exact paired test of their areas on the "
            "same faces, with Holm's correction over all pairs that are ranked together."
        )
    config = run.manifest["config"]
    seeds = int(config.get("seeds") or 1)
    repeated = f"; attacks were repeated with {seeds} seeds from it on" if seeds > 1 else ""
    sentences.append(f"The random seed is {config['seed']}{repeated}.")
    return sentences


def _versions(manifest: Mapping[str, Any]) -> str:
    found = manifest.get("environment", {})
    own = f"Deadpan {manifest.get('deadpan_version', '')}"
    versions = [f"{title} {found[name]}" for name, title in _NAMES.items() if name in found]
    return f"Software: {listing([own, *versions])}."
