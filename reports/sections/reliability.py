"""The reliability box: the checks of a run in plain words."""

from dataclasses import dataclass

from evaluation.checks.rules import Rule, Words
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WHITE_BOX, WORST_CASE
from evaluation.results.select import pick
from reports.table import Table, table
from reports.words.attacks import attack_title
from reports.words.text import MISSING, label_set_name, listing

_NO_WHITE_BOX = (
    "A white-box attack may break more: read the robust accuracy as an upper bound only."
)


@dataclass(frozen=True)
class Problem:
    """A check that did not pass, or could not be made.

    Attributes:
        status: flagged or error.
        rule: id of its rule.
        title: what the check asks for.
        advice: what its failure means.
        where: models, attack and labels.
        message: what was found.
        made: whether the check was made, and failed.
    """

    status: str
    rule: str
    title: str
    advice: str
    where: str
    message: str
    made: bool = True


@dataclass(frozen=True)
class Reliability:
    """The box: how many checks passed, which did not, and all of them as a table.

    Attributes:
        passed: checks that passed.
        total: checks that were made.
        unmade: checks that could not be made, since a model gives no gradients.
        failed: attacks that gave no figure, each on a model and under labels.
        problems: checks that failed or could not be made.
        table: every check.
    """

    passed: int
    total: int
    unmade: int
    failed: int
    problems: list[Problem]
    table: Table

    @property
    def tally(self) -> str:
        """How many passed, such as `767 of 768 checks passed; 2 could not be made`.

        Attacks that failed are told in the same line: they were not checked.
        """
        rest = f"; {self.unmade} could not be made" if self.unmade else ""
        if self.failed:
            rest += f"; {self.failed} attack{'s' * (self.failed > 1)} failed"
        return f"{self.passed} of {self.total} checks passed{rest}."


def reliability(run: FinishedRun) -> Reliability:
    """Summarise the checks of a run and the attacks that failed."""
    checks = run.checks
    bad = checks[checks["status"] != "ok"].sort_values("status", kind="stable")
    columns = ["status", "rule", "check", "message", "perturbation", "model", "attacked_labels"]
    found = list(bad[columns].itertuples(index=False, name=None))
    for cost in run.manifest["perturbations"]:
        if cost.get("status") == "error":
            model, labels = cost.get("model") or "all models", cost.get("attacked_labels", "")
            found.append(
                ("error", "R24", "", cost.get("message", ""), cost["perturbation"], model, labels)
            )
    found += _error_rows(run, {(name, model, labels) for *_, name, model, labels in found})
    failed = {tuple(where) for _, rule, _, _, *where in found if rule == "R24" and where[-1]}
    cells = [
        [
            "could not be made" if row["check"] == WHITE_BOX else row["status"],
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
    data = table("checks", head, cells, checks, "Every check")
    unmade = int((checks["check"] == WHITE_BOX).sum())
    total = len(checks) - unmade
    return Reliability(passed, total, unmade, len(failed), _problems(run, found), data)


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
        ("error", "R24", "", message, *map(str, key))
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
    for (status, rule, check, message, perturbation, under), names in models.items():
        attack = attack_title(run.manifest, perturbation)
        where = ", ".join(filter(None, [listing(names), attack, under]))
        words = _words(rule)
        made = check != WHITE_BOX
        advice = words.advice if made else _NO_WHITE_BOX
        problems.append(Problem(status, rule, words.title, advice, where, message, made))
    return problems


def rules() -> list[tuple[str, str]]:
    """Id and text of every rule."""
    return [(rule.name, rule.value.text) for rule in Rule]


def _words(rule: str) -> Words:
    return Rule[rule].value
