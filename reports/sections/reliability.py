"""The reliability box: the checks of a run in plain words."""

from dataclasses import dataclass

from evaluation.checks.rules import Rule, Words
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import pick
from reports.tables import Table, table
from reports.words.attacks import attack_title
from reports.words.text import MISSING, label_set_name, listing


@dataclass(frozen=True)
class Problem:
    """A check that did not pass.

    Attributes:
        status: flagged or error.
        rule: id of its rule.
        title: what the check asks for.
        advice: what its failure means.
        where: models, attack and labels.
        message: what was found.
    """

    status: str
    rule: str
    title: str
    advice: str
    where: str
    message: str


@dataclass(frozen=True)
class Reliability:
    """The box: how many checks passed, which did not, and all of them as a table."""

    passed: int
    total: int
    problems: list[Problem]
    table: Table


def reliability(run: FinishedRun) -> Reliability:
    """Summarise the checks of a run and the attacks that failed."""
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
    found += _error_rows(run, {(name, model, labels) for *_, name, model, labels in found})
    cells = [
        [
            row["status"],
            _words(row["rule"]).title,
            row["model"],
            attack_title(run.manifest, row["perturbation"]),
            label_set_name(row["attacked_labels"]) or MISSING,
            row["message"],
        ]
        for _, row in checks.iterrows()
    ]
    head = ["status", "check", "model", "attack", "labels", "what was found"]
    passed = int((checks["status"] == "ok").sum())
    data = table("checks", head, cells, checks)
    return Reliability(passed, len(checks), _problems(run, found), data)


def _error_rows(run: FinishedRun, told: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Attacks whose rows are errors though neither a check nor the manifest says why."""
    rows = pick(run.results, metric="robust_accuracy", status="error", subset="all")
    rows = rows[(rows["perturbation"] != WORST_CASE) & (rows["attacked_labels"] != "")]
    keys = rows[["perturbation", "model", "attacked_labels"]].drop_duplicates()
    message = (
        "no valid figure: without images, or with more faces robust than were classified correctly "
        "without an attack, as when images were made on other weights"
    )
    return [
        ("error", "R24", message, *map(str, key))
        for key in keys.itertuples(index=False, name=None)
        if key not in told
    ]


def _problems(run: FinishedRun, found: list[tuple[str, ...]]) -> list[Problem]:
    """Merge problems with the same message on several models or under both labels."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for *same, label_set in found:
        labels.setdefault(tuple(same), []).append(label_set_name(label_set))
    models: dict[tuple[str, ...], list[str]] = {}
    for (*same, model), names in labels.items():
        under = f"{listing(list(dict.fromkeys(names)))} labels" if any(names) else ""
        models.setdefault((*same, under), []).append(model)
    problems = []
    for (status, rule, message, perturbation, under), names in models.items():
        attack = attack_title(run.manifest, perturbation)
        where = ", ".join(filter(None, [listing(names), attack, under]))
        words = _words(rule)
        problems.append(Problem(status, rule, words.title, words.advice, where, message))
    return problems


def rules() -> list[tuple[str, str]]:
    """Id and text of every rule."""
    return [(rule.name, rule.value.text) for rule in Rule]


def _words(rule: str) -> Words:
    return Rule[rule].value
