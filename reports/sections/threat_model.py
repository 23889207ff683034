"""The threat model in words: what the attacker wants, knows and may change."""

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, attacks, pick
from reports.sections.attacks_run import attacks_by_label_set
from reports.words.text import data_name, eps_text, face_count, listing, norm_name

_HARD_TO_SEE = 4
"""Steps of 1/255 per pixel up to which a report calls a change hard to see."""


def threat_model(run: FinishedRun, headline: Headline | None) -> list[str]:
    """The threat model as sentences."""
    data = run.manifest["data"]
    classify, predict = (
        ("classifier labels", "It predicts what annotators would answer; it does")
        if len(run.models) == 1
        else ("classifiers label", "They predict what annotators would answer; they do")
    )
    sentences = [
        f"The {classify} the expression of {face_count(data['rows'])} of {data_name(data)} "
        f"({data['split']}). {predict} not know what a person feels.",
    ]
    norms = [norm for norm in run.norms if attacks(run.results, norm)]
    for norm in norms:
        sentences += [_attacker(run, norm), *attacks_by_label_set(run, norm)]
    if norms and (limited := sorted(run.black_boxes)):
        sentences.append(
            f"{listing(limited)} {'returns' if len(limited) == 1 else 'return'} no gradients: the "
            "attacker can query the model, or make images on other models. Robust accuracy is an "
            "upper bound there, a looser one than for models attacked with full knowledge, and not "
            "comparable with theirs."
        )
    if rounded := _models_with(run, precision="bfloat16"):
        sentences.append(
            f"Attacks on {listing(rounded)} computed gradients in reduced precision (bfloat16), "
            "after a trial found them equally strong. A face counts as broken only if the model "
            "gets it wrong in float32."
        )
    if headline and headline.norm == "linf":
        steps = round(255 * headline.eps, 9)
        hard = ", which is hard to see" if steps <= _HARD_TO_SEE else ""
        sentences.append(
            f"The verdict is about {headline.text}: no pixel changes by more than {steps:.4g} of "
            f"the 255 steps between black and white{hard}. A face counts as robust if it is "
            "classified correctly when clean and under every attack that saw it."
        )
    sentences.append(
        "Robust accuracy is an upper bound: a stronger attack can only lower it. Attacks on the "
        "physical face, the camera or the training data are not covered."
    )
    return sentences


def _attacker(run: FinishedRun, norm: str) -> str:
    """Describe what the attacker of one norm wants, knows and may change, at which eps."""
    rows = pick(run.results, norm=norm, metric="robust_accuracy")  # certificates have eps too
    grid = sorted({eps for eps in rows["eps"] if eps > 0})
    limit = (
        "may change every pixel by up to eps"
        if norm == "linf"
        else f"may change the image by up to eps in {norm_name(norm)}"
    )
    knows = (
        "sees only the models' answers (black-box)"
        if set(run.models) <= run.black_boxes
        else "knows the model and its gradients (white-box)"
    )
    return (
        f"The attacker wants any wrong answer, {knows}, and {limit} "
        f"({listing([eps_text(eps, norm) for eps in grid])})."
    )


def _models_with(run: FinishedRun, **wanted: str) -> list[str]:
    """Models with an entry of the manifest's perturbations that matches, in alphabetical order."""
    costs = run.manifest["perturbations"]
    return sorted({cost["model"] for cost in costs if wanted.items() <= cost.items()})
