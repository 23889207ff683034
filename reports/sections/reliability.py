"""The reliability box: the engine's checks in words a newcomer understands."""

from dataclasses import dataclass

from reports.load import Run
from reports.tables import Table, table
from reports.words.text import MISSING, label_set_name, listing, words

RULES: dict[str, tuple[str, str]] = {
    "R2": (
        "Stored images hold up when read again",
        "Do not trust this attack's figures: they could not be repeated from the stored images.",
    ),
    "R3": (
        "The model answers more than one class",
        "What stands is the share of that class: see whether the model was loaded as it was "
        "trained, its input range above all.",
    ),
    "R4": (
        "With no limit, every face breaks",
        "The attack itself is broken on this model; its robust figures are too high.",
    ),
    "R5": (
        "Many small steps beat one big step",
        "The longer attack is badly tuned; look at its step size.",
    ),
    "R6": (
        "More effort changes nothing",
        "The attack had not finished: read the robust figure as an upper limit, add steps.",
    ),
    "R7": (
        "Seeing inside the model helps",
        "Gradients are hidden or missing: read the robust figure as an upper limit, no more.",
    ),
    "R8": ("The attack beats random noise", "The attack is no better than chance; ignore it."),
    "R9": (
        "Gradients are there",
        "The model gives no slope to follow, so a gradient attack says little.",
    ),
    "R10": (
        "The model answers with plain scores",
        "Saturated outputs look robust; strip the softmax and run again.",
    ),
    "R11": (
        "Same face, same answer",
        "The model is random; its figures must be averaged over many draws.",
    ),
    "R13": (
        "A sibling's attack is not stronger",
        "The direct attack is too weak; read the transfer figure instead.",
    ),
    "R14": ("A planted weakness is found", "The attack misses known weaknesses; add steps."),
    "R19": (
        "An undefended model breaks",
        "Nothing shows that these settings can break a model: read robust figures as upper limits.",
    ),
    "R21": (
        "Stronger corruption hurts more",
        "Accuracy rises again where corruptions are stronger; read the heat map with care.",
    ),
    "R24": (
        "The attack really ran",
        "The attack failed; this is not robustness. Read its message and run it again.",
    ),
}
"""Rule: what it checks, and what to make of it when it does not hold."""


@dataclass(frozen=True)
class Problem:
    """A check that is not ok."""

    status: str
    title: str
    advice: str
    where: str
    message: str


@dataclass(frozen=True)
class Reliability:
    """The box: how many checks passed, what did not, and all of them as a table."""

    passed: int
    total: int
    problems: list[Problem]
    table: Table


def reliability(run: Run) -> Reliability:
    """Summarise the checks of a run, and attacks that ended with an error."""
    checks = run.checks
    bad = checks[checks["status"] != "ok"].sort_values("status", kind="stable")
    columns = ["status", "rule", "message", "perturbation", "model", "attacked_labels"]
    found = list(bad[columns].itertuples(index=False, name=None))
    for cost in run.manifest["perturbations"]:
        if cost.get("status") == "error":
            model, labels = cost.get("model") or "all models", cost.get("attacked_labels", "")
            found.append(
                ("error", "R24", cost.get("message", ""), cost["perturbation"], model, labels)
            )
    cells = [
        [
            row["status"],
            _words(row["rule"])[0],
            row["model"],
            words(row["perturbation"]),
            label_set_name(row["attacked_labels"]) or MISSING,
            row["message"],
        ]
        for _, row in checks.iterrows()
    ]
    head = ["status", "check", "model", "attack", "labels", "what was found"]
    passed = int((checks["status"] == "ok").sum())
    data = table("checks", head, cells, checks)
    return Reliability(passed, len(checks), _problems(found), data)


def _problems(found: list[tuple[str, ...]]) -> list[Problem]:
    """What is wrong in the same words, with several models or under both labels, said once."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for *same, label_set in found:
        labels.setdefault(tuple(same), []).append(label_set_name(label_set))
    models: dict[tuple[str, ...], list[str]] = {}
    for (*same, model), names in labels.items():
        under = f"{listing(list(dict.fromkeys(names)))} labels" if any(names) else ""
        models.setdefault((*same, under), []).append(model)
    problems = []
    for (status, rule, message, perturbation, under), names in models.items():
        where = ", ".join(filter(None, [listing(names), words(perturbation), under]))
        problems.append(Problem(status, *_words(rule), where=where, message=message))
    return problems


def _words(rule: str) -> tuple[str, str]:
    return RULES.get(rule, (rule, "See the message."))
