"""What the page says about the run itself: threat model in words, costs, glossary, manifest."""

import json
from typing import Any

import numpy as np
import pandas as pd

from evaluation.results.schema import NOT_APPLICABLE, WORST_CASE
from evaluation.results.select import black_boxes
from reports.load import Headline, Run, attacks, norm_name, pick
from reports.tables import Table, table
from reports.words.text import (
    MISSING,
    count,
    eps_text,
    label_set_name,
    listing,
    parse_eps,
    seconds,
    words,
)

ATTACKS: dict[str, str] = {
    "fgsm": "one step of full size along the sign of the gradient",
    "pgd": "many small steps uphill on the loss, projected back into the allowed change",
    **{
        f"pgd_{part}": f"PGD that may change the {part} only"
        for part in ("eyes", "brows", "nose", "mouth")
    },
    "pgd_rest": "PGD that may change everything but eyes, brows, nose and mouth",
    "pgd_glasses": "PGD that may change the frame of a pair of glasses only",
    "apgd": "small steps uphill whose size adapts by itself, whatever the scale of the answers",
    "apgd_t": "the same towards each likely wrong class in turn",
    "fmn": "looks for the smallest change that breaks a face, so one run serves every eps",
    "square": "asks for answers only: changes one random square after another and keeps what helps",
    "deepfool": "steps to the nearest border between two classes, taken as straight",
    "cw_l2": "weighs the size of the change against success and searches the weight",
    "cw_linf": "the same for the largest change of a pixel",
    "elastic_net": "the same, preferring changes of few pixels",
    "jsma": "changes the few pixels that matter most to the answer",
    "hop_skip_jump": "asks for labels only: walks along the border between two classes",
    "boundary": "asks for labels only: starts far off and moves closer while it stays wrong",
    "simba": "asks for answers only: tries one direction after another and keeps what helps",
    "zoo": "asks for answers only and estimates the gradient from them",
    "one_pixel": "asks for answers only: evolves a few pixels of any colour",
    "universal": "one change for all faces",
    "patch": "one visible patch for all faces, of any colour",
    "spatial": "small shifts and turns of the face",
    "transfer": "made on other classifiers than the one it is shown to, with momentum and on "
    "shifted and resized copies so that it carries over",
    "ensemble": "APGD, targeted APGD, FMN and Square one after another, each on the faces that the "
    "others left standing",
    "noise": "a random move of size eps, in linf a random sign for every pixel: the baseline any "
    "attack must beat",
    "worst_case": "a face counts as broken as soon as any of the attacks breaks it",
}
"""Attack: how it works, for readers who have not met it."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Accuracy", "Share of faces whose label the classifier gives."),
    ("Attack success rate", "Wrong after the attack, among the faces that were right before."),
    ("Balanced accuracy", "Mean of the shares of right answers over the classes."),
    ("Best known", "What the attacks of this run and verified attacks of others leave together: a "
     "lower upper limit. `python -m evaluation.verify SET MODEL --into RUN` adds one."),
    ("Black box", "A classifier that gives answers but no gradients: it can be searched, not "
     "attacked with full knowledge, so its robust figures are upper limits."),
    ("Brier score", "Mean squared distance of the probabilities from the true label: 0 is sure "
     "and right, 2 sure and wrong."),
    ("Certified radius", "A length in L2 within which no change of a face at all turns the answer "
     "that a model gives most often under noise (randomised smoothing)."),
    ("Chance line", "What always answering the most frequent class would score."),
    ("Clean", "The face as it stands in the data, unchanged."),
    ("Corruption", "A change that happens without an enemy: blur, noise, compression."),
    ("ECE", "Expected calibration error: how far the classifier's confidence lies from how often "
     "it is right, on average over groups of faces on which it is about equally sure."),
    ("Eps", "The largest change allowed. 4/255 means that no pixel moves by more than 4 of the "
     "255 steps between black and white."),
    ("FER", "The original labels of FER2013, one a face."),
    ("FER+", "A later annotation of the same faces by ten people; here the majority, where "
     "there is one."),
    ("Flip", "The classifier's answer changes between the clean and the attacked face."),
    ("Grad-CAM shift", "Grad-CAM colours the places of a face that speak for the classifier's "
     "answer. The shift is 1 minus the cosine of the clean and the attacked answer's maps."),
    ("Interval", "A 95 % interval: if the test were repeated on other faces, 95 of 100 such "
     "intervals would hold the true share."),
    ("Label transfer", "Scored under one label set on faces attacked under the other. A face with "
     "the same label under both is attacked once, in the time of the first."),
    ("Leaked", "Pixel for pixel the same as a face of Training, so a classifier may know it by "
     "heart."),
    ("L\N{INFINITY}, L2", "Ways to measure a change: the largest pixel change, or the root of "
     "the summed squares over all pixels."),
    ("Macro F1", "Mean over the classes of the balance between finding a class and being right "
     "when naming it."),
    ("Median smallest eps", "Half of the faces read right when clean break at this eps or below; "
     "nothing between the eps that were tried is guessed."),
    ("NLL", "Mean of -log of the probability given to the true label: one answer that is sure "
     "and wrong costs much."),
    ("Not distinguishable", "The paired test (McNemar, corrected after Holm) cannot tell the two "
     "models apart on these faces."),
    ("Rank", "2\N{EN DASH}4 means: one model is distinguishably better, and of the others so many "
     "are not distinguishably worse that the place may be as low as fourth."),
    ("Robust accuracy", "Right on the clean face and on every attacked version, over all faces."),
    ("Security curve", "Robust accuracy against eps. Its mean (the area under it) sums up the "
     "whole curve in one figure, at most the clean accuracy."),
    ("SSIM", "Structural similarity: how alike two images look in light, contrast and pattern, "
     "from 1 for equal ones downwards."),
    ("Transfer", "An attack is made on one classifier and shown to another, which the attacker "
     "need not know."),
    ("White-box", "The attacker knows the model, its weights and its gradients."),
    ("Worst case", "For each face the most successful of all attacks that were run."),
)  # fmt: skip
"""Terms of the page and their meanings, in alphabetical order."""


def threat_model(run: Run, headline: Headline | None) -> list[str]:
    """The threat model as sentences."""
    data = run.manifest["data"]
    sentences = [
        f"The classifiers label the expression of {count(data['rows'])} faces of {data['name']} "
        f"({data['split']}). They label an expression as annotators did; they do not know what a "
        "person feels.",
        *(_attacker(run, norm) for norm in run.norms if attacks(run.results, norm)),
    ]
    if blind := _models_with(run, status=NOT_APPLICABLE):
        sentences.append(
            f"{listing(blind)} {'gives' if len(blind) == 1 else 'give'} no gradients: there the "
            "attacker sees the answers only, and robust figures are upper limits, not to be set "
            "beside those of models attacked with full knowledge."
        )
    if rounded := _models_with(run, precision="bfloat16"):
        sentences.append(
            f"Attacks on {listing(rounded)} took gradients in bfloat16, "
            "which a trial had found as strong; a face is broken only where the model says so in "
            "float32."
        )
    if headline and headline.norm == "linf":
        steps = round(255 * headline.eps * 2) / 2
        sentences.append(
            f"The verdict stands at {headline.text}: no pixel moves by more than {steps:g} of the "
            "255 steps between black and white, a change that is hard to see. A face counts as "
            "surviving when it is read right clean and under every attack."
        )
    sentences.append(
        "Each robust figure is an upper limit: a stronger attack can only lower it. Attacks on "
        "the physical face, on the camera or on the training data are not covered."
    )
    return sentences


def _attacker(run: Run, norm: str) -> str:
    """What the attacker of one norm wants, knows and may do."""
    rows = pick(run.results, norm=norm, metric="robust_accuracy")  # certificates have eps too
    grid = sorted({eps for eps in rows["eps"] if eps > 0})
    limit = (
        "may change every pixel, each by at most eps"
        if norm == "linf"
        else f"may change the image by at most eps in {norm_name(norm)}"
    )
    knows = (
        "sees only what the models answer (black box)"
        if set(run.models) <= black_boxes(run.results)
        else "knows the model and its gradients (white-box)"
    )
    return (
        f"The attacker wants any wrong answer, {knows}, and {limit}: "
        f"{listing([eps_text(eps, norm) for eps in grid])}. "
        f"Attacks run: {listing([words(part) for part in attacks(run.results, norm)])}."
    )


def _models_with(run: Run, **wanted: str) -> list[str]:
    """Models of the perturbations whose entry in the manifest says so, in alphabetical order."""
    costs = run.manifest["perturbations"]
    return sorted({cost["model"] for cost in costs if wanted.items() <= cost.items()})


def power_sentences(run: Run, headline: Headline | None) -> list[str]:
    """What differences between models the faces of this run can show, a sentence a label set."""
    sentences = []
    for label_set in run.label_sets:
        models = run.models_of(label_set)
        rows = pick(
            run.results, metric="smallest_difference", label_set=label_set, model=models,
            subset="all",
        )  # fmt: skip
        clean = pick(rows, perturbation="none")
        parts = [_differences(clean, "on clean faces")]
        if headline:
            at = {"perturbation": WORST_CASE, "norm": headline.norm, "eps": headline.eps}
            parts.append(_differences(pick(rows, **at), f"in the worst case at {headline.text}"))
        if any(parts):
            sentences.append(
                f"Under {label_set_name(label_set)} labels "
                f"(n\u00a0=\u00a0{count(clean['n'].max())}) this run can show, with 80\u202f% "
                "power at a level of 5\u202f%: "
                f"{'; '.join(part for part in parts if part)}."
            )
    return sentences


def _differences(rows: pd.DataFrame, where: str) -> str:
    """The median over models of the smallest difference that shows, with and without pairing."""
    paired, unpaired = (
        pick(rows, detail=kind)["value"].dropna().median() for kind in ("paired", "unpaired")
    )
    points = []
    if np.isfinite(paired):
        points.append(f"{100 * paired:.1f} points between two of its models, all pairs tested")
    elif np.isinf(paired):
        points.append("no difference between its models, which differ on too few faces")
    if np.isfinite(unpaired):
        points.append(f"{100 * unpaired:.1f} points from one model seen on other faces")
    return f"{where}, {' and '.join(points)}" if points else ""


def attack_words(run: Run) -> list[tuple[str, str, str]]:
    """Attack, how it works, its options in this run."""
    options: dict[str, list[str]] = {}
    whole = len(run.manifest["config"].get("eps", []))
    for cost in run.manifest["perturbations"]:
        settings = [f"{key} {value}" for key, value in (cost.get("options") or {}).items()]
        if cost.get("attacked_labels") and not cost.get("shown") and len(cost["grid"]) < whole:
            settings.append(f"at {eps_text(cost['grid'][0], cost['norm'])} alone")
        options.setdefault(cost["perturbation"], settings)
    found = []
    attacked = run.results["attacked_labels"] != ""
    names = set(run.results.loc[attacked, "perturbation"])
    for name in [*ATTACKS, *sorted(names - set(ATTACKS))]:
        if name in names:
            found.append((words(name), ATTACKS.get(name, ""), ", ".join(options.get(name, []))))
    return found


def cost_summary(run: Run) -> Table:
    """What each kind of perturbation cost, over all models and labels."""
    rows = pd.DataFrame(run.manifest["perturbations"]).reindex(
        columns=["perturbation", "norm", "forward", "backward", "seconds", "status"]
    )
    rows = rows[rows.pop("status") != NOT_APPLICABLE]
    rows = rows.fillna({"norm": "", "forward": 0, "backward": 0, "seconds": 0})
    sums = rows.groupby(["perturbation", "norm"], sort=False)
    cells = [
        [
            words(name),
            norm_name(norm) if norm else "",
            count(len(group)),
            count(float(group["forward"].sum())),
            count(float(group["backward"].sum())),
            seconds(float(group["seconds"].sum())),
        ]
        for (name, norm), group in sums
    ]
    head = ["attack or corruption", "norm", "sweeps", "forward passes", "backward passes", "time"]
    return table("cost-summary", head, cells, sums.sum().reset_index())


def costs(run: Run) -> Table:
    """What each perturbation cost."""
    rows = run.manifest["perturbations"]
    cells = [
        [
            words(cost["perturbation"]),
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
    return table("costs", head, cells, pd.DataFrame(rows))


def facts(run: Run) -> list[tuple[str, str]]:
    """The manifest's main lines."""
    manifest, data, config = run.manifest, run.manifest["data"], run.manifest["config"]
    labelled = [
        f"{label_set_name(name)} {count(number)}" for name, number in data["labelled"].items()
    ]
    grid = [parse_eps(eps) for eps in config.get("eps", [])]
    memory = manifest.get("peak_memory_mb")
    found = [
        ("Command", manifest.get("command", "")),
        ("Started", manifest.get("started", "")),
        ("Took", seconds(float(manifest.get("seconds") or 0))),
        ("Peak memory", f"{count(float(memory))}\u202fMB" if memory else ""),
        ("Deadpan", manifest.get("deadpan_version", "")),
        ("Tier", str(config.get("tier", ""))),
        ("Seed", str(config.get("seed", ""))),
        ("Eps", ", ".join(eps_text(eps) for eps in grid)),
        ("Data", f"{data['name']}, {data['split']}, {count(data['rows'])} faces"),
        ("Labelled", ", ".join(labelled)),
        ("Also in Training", "" if data.get("leaked") is None else count(data["leaked"])),
        ("Data sha256", data.get("sha256", "")),
    ]
    return [(name, value) for name, value in found if value]


def manifest_text(run: Run) -> str:
    """The whole manifest as indented JSON."""
    return json.dumps(run.manifest, indent=2, ensure_ascii=False)


def _number(value: Any) -> str:
    return MISSING if value is None else count(float(value))


def _chunks(cost: dict[str, Any]) -> str:
    if cost.get("chunks") is None:
        return MISSING
    return f"{cost.get('reused_chunks') or 0} of {cost['chunks']}"
