"""The threat model in words: what the attacker wants, knows and may change."""

from evaluation.results.run import FinishedRun
from evaluation.results.schema import NOT_APPLICABLE
from evaluation.results.select import Headline, attacks, black_boxes, pick
from reports.words.attacks import words
from reports.words.text import count, eps_text, listing, norm_name


def threat_model(run: FinishedRun, headline: Headline | None) -> list[str]:
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


def _attacker(run: FinishedRun, norm: str) -> str:
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


def _models_with(run: FinishedRun, **wanted: str) -> list[str]:
    """Models of the perturbations whose entry in the manifest says so, in alphabetical order."""
    costs = run.manifest["perturbations"]
    return sorted({cost["model"] for cost in costs if wanted.items() <= cost.items()})
