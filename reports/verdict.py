"""The verdict: one sentence a model, and the leaderboard under it."""

from dataclasses import dataclass

import pandas as pd

from reports.load import Headline, Run, clean_accuracy, norm_name, pick, robust_accuracy
from reports.tables import Table, table
from reports.text import MISSING, NBSP, THIN, count, eps_text, interval, label_set_name, listing, percent, words


@dataclass(frozen=True)
class Figure:
    """One figure with its interval and standing.

    Attributes:
        value: proportion in [0, 1], NaN when unknown.
        low: lower end of the 95 % interval.
        high: upper end.
        n: denominator.
        status: ok, flagged or error.
    """

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    status: str = "ok"

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Figure":
        """The figure in the first of some result rows; unknown when there is none."""
        if rows.empty:
            return cls()
        row = rows.iloc[0]
        low, high = float(row["ci_low"]), float(row["ci_high"])
        return cls(float(row["value"]), low, high, int(row["n"]), str(row["status"]))

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value == self.value

    @property
    def text(self) -> str:
        """The value in percent, with no more digits than its interval supports."""
        return percent(self.value, self.low, self.high)

    @property
    def interval(self) -> str:
        """The interval in percent."""
        return interval(self.low, self.high) if self.known else ""


@dataclass(frozen=True)
class Verdict:
    """What is said of one model first.

    Attributes:
        model: model id.
        label_set: its own label set, for reading.
        sentence: goes on after the model's name.
        clean: accuracy on clean faces.
        robust: worst-case robust accuracy at the headline.
        status: the worst of ok, flagged, error.
        note: why it is not ok.
    """

    model: str
    label_set: str
    sentence: str
    clean: Figure
    robust: Figure
    status: str
    note: str


def verdicts(run: Run, headline: Headline | None) -> list[Verdict]:
    """One verdict a model, best first within its label set."""
    found = [_verdict(run, model, headline) for model in ranked(run, headline)]
    return [verdict for verdict in found if verdict.clean.known or verdict.status != "ok"]


def ranked(run: Run, headline: Headline | None) -> list[str]:
    """Models by label set, then by worst-case robust accuracy, then by clean accuracy."""
    sets = [*run.label_sets, ""]

    def rank(model: str) -> tuple[int, float, float, str]:
        own = run.own_label_set(model)
        clean, robust = own_figures(run, model, headline)
        place = sets.index(own) if own in sets else len(sets)
        return (
            place,
            -robust.value if robust.known else 1.0,
            -clean.value if clean.known else 1.0,
            model,
        )

    return sorted(run.models, key=rank)


def own_figures(run: Run, model: str, headline: Headline | None) -> tuple[Figure, Figure]:
    """Clean accuracy and worst-case robust accuracy of a model under its own labels."""
    own = run.own_label_set(model)
    clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
    return clean, robust_figure(run, model, headline)


def robust_figure(
    run: Run, model: str, headline: Headline | None, perturbation: str = "worst_case"
) -> Figure:
    """Robust accuracy of a model under its own labels at the headline."""
    if headline is None:
        return Figure()
    rows = robust_accuracy(run.results, run.own_label_set(model), headline.norm, perturbation)
    return Figure.of(pick(rows, model=model, eps=headline.eps))


def standing(run: Run, model: str, figures: tuple[Figure, ...]) -> tuple[str, str]:
    """The worst status of a model under its own labels, and the reason in words."""
    own = run.own_label_set(model)
    checks = pick(run.checks, model=model, attacked_labels=["", own])
    jobs = [
        job
        for job in run.manifest["perturbations"]
        if job.get("model") == model and job.get("attacked_labels") == own
    ]
    for status in ("error", "flagged"):
        reasons = list(checks.loc[checks["status"] == status, "message"])
        reasons += [
            f"{words(job['perturbation'])} failed: {job['message']}"
            for job in jobs
            if job.get("status") == status
        ]
        if reasons or any(figure.status == status for figure in figures):
            return status, str(reasons[0]) if reasons else "One of its attacks did not finish."
    return "ok", ""


def _verdict(run: Run, model: str, headline: Headline | None) -> Verdict:
    clean, robust = own_figures(run, model, headline)
    status, note = standing(run, model, (clean, robust))
    labels = label_set_name(run.own_label_set(model))
    if not clean.known:
        sentence = "gave no figure in this run."
    elif headline is None and status != "error":
        sentence = (
            f"reads {clean.text} of faces (95{THIN}% interval {clean.interval}, "
            f"n{NBSP}={NBSP}{count(clean.n)}); no attack was run."
        )
    elif headline is None or not robust.known:
        sentence = (
            f"reads {clean.text} of faces; the attack gave no figure, "
            "so nothing is known about its robustness."
        )
    else:
        sentence = (
            f"reads {clean.text} of faces; {robust.text} survive {headline.text} "
            f"(95{THIN}% interval {robust.interval}, n{NBSP}={NBSP}{count(robust.n)})."
        )
    return Verdict(model, labels, sentence, clean, robust, status, note)


@dataclass(frozen=True)
class Cell:
    """A cell of the leaderboard: what is shown, what it sorts by."""

    text: str
    sort: float
    small: str = ""
    status: str = "ok"


@dataclass(frozen=True)
class Leaderboard:
    """Head, one row a model, and the rows to download.

    Attributes:
        head: titles of the number columns.
        rows: model, its label set, number cells, models it is not distinguishable from, status.
        data: the same as a csv.
    """

    head: list[str]
    rows: list[tuple[str, str, list[Cell], str, str]]
    data: Table


def leaderboard(run: Run, headline: Headline | None) -> Leaderboard:
    """Every model under its own labels."""
    head = ["Clean accuracy", "Macro F1"]
    if headline:
        grid = _grid(run.results, headline)
        extra = [eps for eps in grid[:1] if eps != headline.eps]
        head += [f"Random noise {headline.text}"]
        head += [f"Worst case {eps_text(eps, headline.norm)}" for eps in [*extra, headline.eps]]
        head += ["Attack success", "Median smallest eps"]
    head += ["Parameters"]
    rows = []
    for model in ranked(run, headline):
        cells = _cells(run, model, headline, extra if headline else [])
        clean, robust = own_figures(run, model, headline)
        status, _ = standing(run, model, (clean, robust))
        rows.append((model, label_set_name(run.own_label_set(model)), cells, "", status))
    rows = [
        (model, labels, cells, listing(not_distinguishable(run, model, headline)), status)
        for model, labels, cells, _, status in rows
    ]
    data = pd.DataFrame(
        [[model, labels, *(cell.sort for cell in cells), ties, status]
         for model, labels, cells, ties, status in rows],
        columns=["model", "labels", *head, "not distinguishable from", "status"],
    )  # fmt: skip
    return Leaderboard(head, rows, table("leaderboard", [], [], data))


def not_distinguishable(run: Run, model: str, headline: Headline | None) -> list[str]:
    """Models whose headline figure differs from this one's by no more than chance."""
    wanted = {"perturbation": "none", "eps": 0.0}
    if headline:
        wanted = {"perturbation": "worst_case", "norm": headline.norm, "eps": headline.eps}
    pairs = pick(run.comparisons, label_set=run.own_label_set(model), **wanted)
    pairs = pairs[~pairs["distinguishable"].fillna(True).astype(bool)]
    other = [
        second if first == model else first
        for first, second in pairs[["model_a", "model_b"]].itertuples(index=False)
        if model in (first, second)
    ]
    own = run.own_label_set(model)
    return [name for name in run.models if name in other and run.own_label_set(name) == own]


def _cells(run: Run, model: str, headline: Headline | None, extra: list[float]) -> list[Cell]:
    own = run.own_label_set(model)
    clean = pick(run.results, model=model, label_set=own, perturbation="none", subset="all")
    cells = [_cell(Figure.of(pick(clean, metric=metric))) for metric in ("accuracy", "macro_f1")]
    if headline:
        cells.append(_cell(robust_figure(run, model, headline, "noise")))
        for eps in [*extra, headline.eps]:
            cells.append(_cell(robust_figure(run, model, Headline(headline.norm, eps))))
        attacked = pick(
            run.results,
            model=model,
            label_set=own,
            attacked_labels=own,
            norm=headline.norm,
            perturbation=["worst_case", "pgd"],
            subset="all",
        ).sort_values("perturbation", ascending=False, kind="stable")
        success = pick(attacked, metric="attack_success_rate", eps=headline.eps)
        cells.append(_cell(Figure.of(success)))
        cells.append(_distance(pick(attacked, metric="median_smallest_eps"), headline.norm))
    parameters = run.manifest["models"][model].get("parameters")
    number = float("nan") if parameters is None else float(parameters)
    return [*cells, Cell(count(number), number)]


def _cell(figure: Figure) -> Cell:
    return Cell(figure.text, figure.value, figure.interval, figure.status)


def _distance(rows: pd.DataFrame, norm: str) -> Cell:
    """The median smallest eps; infinite when fewer than half broke: beyond the grid."""
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return Cell(MISSING, float("nan"))
    value, largest = float(rows["value"].iloc[0]), float(rows["eps"].iloc[0])
    text = f">{eps_text(largest, norm)}" if value == float("inf") else eps_text(value, norm)
    return Cell(text, value, "", str(rows["status"].iloc[0]))


def _grid(results: pd.DataFrame, headline: Headline) -> list[float]:
    rows = pick(results, norm=headline.norm, metric="robust_accuracy", perturbation="worst_case")
    return sorted(float(eps) for eps in rows.loc[rows["eps"] > 0, "eps"].unique())
