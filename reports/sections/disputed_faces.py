"""Faces whose FER and FER+ labels differ: what annotators chose and what the models predict.

Reads the faces of `disputed.npz` and the answers of `per_image`. Attacked answers are those
to the worst case at the headline, attacked under the model's own labels.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, SCHEMES, translate
from evaluation.results.image_rows import Kind
from evaluation.results.model_notes import LABEL_SETS
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.charts.pictures import png_uri
from reports.sections.attacks_run import mixed_note
from reports.table import Table, table
from reports.words.text import count, face_count, label_set_name, percent

_OUTSIDE = ("unknown", "no face")
"""Columns of the votes after the eight emotions."""
_READ = (
    *("row", "perturbation", "attacked_labels", "norm", "prediction", "smallest_eps"),
    *("fer", "ferplus", "votes"),
)
"""Columns of the rows of images that answers are taken from."""


@dataclass(frozen=True)
class Answer:
    """One emotion of a disputed face.

    Attributes:
        name: name of the emotion.
        votes: annotators who chose it.
        share: the same in percent of all annotators.
        models: how many models predict it, one number per column of the panel.
        label_set: `fer`, `ferplus` or empty: the label set that assigns it.
    """

    name: str
    votes: int
    share: float
    models: list[int]
    label_set: str


@dataclass(frozen=True)
class DisputedFace:
    """A face, its two labels in words, and one answer per emotion that anybody chose."""

    row: int
    picture: str
    fer: str
    ferplus: str
    answers: list[Answer]


@dataclass(frozen=True)
class Disputed:
    """The panel.

    Attributes:
        title: its finding.
        caption: how to read it, and n.
        moments: `clean` and `attacked`, each with the labels that its models were trained on.
        faces: examples.
        shares: which label set the models agree with, over all disputed faces.
    """

    title: str
    caption: str
    moments: dict[str, list[str]]
    faces: list[DisputedFace]
    shares: Table


def disputed_faces(run: FinishedRun, headline: Headline | None) -> Disputed | None:
    """The panel, or None where no face carries two labels that differ."""
    answers = _answers(run, headline)
    if answers.empty:
        return None
    columns = list(dict.fromkeys(zip(answers["when"], answers["trained_on"], strict=True)))
    columns.sort(key=lambda column: (column[0] != "clean", column[1] != "fer"))
    shown = [
        _face(run.disputed, place, answers[answers["row"] == row], columns)
        for place, row in enumerate(run.disputed["row"].tolist())
        if (answers["row"] == row).any()
    ]
    shares = _shares(answers, columns)
    total = answers["row"].nunique()
    attacked = (
        f"Attacked: the worst case at {headline.text} under a model's own labels; a model that "
        "is wrong on the clean face is not attacked, and its clean answer counts. "
        if headline
        else ""
    )
    caption = (
        f"Votes: what the annotators chose. Numbers: how many {_models('fer')} or "
        f"{_models('ferplus')} give that answer. {attacked}The examples are the disagreements "
        f"with the clearest votes, taken from the {label_set_name('fer')} labels in turn."
        f"{mixed_note(run, run.models, headline.norm) if headline else ''}"
    )
    moments: dict[str, list[str]] = {}
    for when, labels in columns:
        moments.setdefault(when, []).append(_kind(labels).split()[0])
    return Disputed(_title(shares, total), caption, moments, shown, _table(shares, headline))


def _answers(run: FinishedRun, headline: Headline | None) -> pd.DataFrame:
    """One row per disputed face, model and moment; labels and answers as FER+ classes."""
    parts = []
    for model in run.models:
        own = run.manifest["models"][model]["label_set"]
        if own not in SCHEMES or not run.schemes[model].is_whole:
            continue
        of_model = run.images.pick(_READ, model=model, kinds=[Kind.CLEAN, Kind.ATTACKED])
        clean = of_model[of_model["perturbation"] == "none"]
        moments = {"clean": clean.set_index("row")["prediction"]}
        if headline:
            here = (of_model["attacked_labels"] == own) & (of_model["norm"] == headline.norm)
            broken = here & of_model["smallest_eps"].between(1e-12, headline.eps + 1e-9)
            first = of_model[broken].sort_values("smallest_eps", kind="stable")
            first = first.drop_duplicates("row").set_index("row")["prediction"]
            attacked = set(of_model.loc[here, "row"])
            before = moments["clean"][[row in attacked for row in moments["clean"].index]]
            moments["attacked"] = first.reindex(before.index).fillna(before)
        clean = clean.drop_duplicates("row").set_index("row")
        for when, predictions in moments.items():
            predictions = predictions[~predictions.index.duplicated()]
            part = clean.loc[predictions.index, ["fer", "ferplus", "votes"]].reset_index()
            answer = translate(predictions.to_numpy(np.int64), run.schemes[model], FERPLUS8)
            parts.append(part.assign(answer=answer, when=when, trained_on=own))
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts, ignore_index=True)
    found["fer"] = translate(found["fer"].to_numpy(np.int64), FER7, FERPLUS8)
    differ = (found["fer"] >= 0) & (found["ferplus"] >= 0) & (found["fer"] != found["ferplus"])
    return found[differ]


def _face(
    disputed: dict[str, np.ndarray],
    place: int,
    answers: pd.DataFrame,
    columns: list[tuple[str, str]],
) -> DisputedFace:
    """Describe a face with every emotion that a label, an annotator or a model names."""
    one = answers.iloc[0]
    names = [*map(_name, range(FERPLUS8.num_classes)), *_OUTSIDE]
    votes = np.asarray(one["votes"]) if one["votes"] is not None else np.zeros(len(names), int)
    given = [
        answers[(answers["when"] == when) & (answers["trained_on"] == labels)]["answer"]
        for when, labels in columns
    ]
    found = []
    for index, name in enumerate(names):
        models = [int((column == index).sum()) for column in given]
        label_set = {one["fer"]: "fer", one["ferplus"]: "ferplus"}.get(index, "")
        if label_set or votes[index] or any(models):
            share = 100 * float(votes[index]) / max(1, int(votes.sum()))
            found.append(Answer(name, int(votes[index]), share, models, label_set))
    found.sort(key=lambda answer: -answer.votes)
    picture = png_uri(disputed["image"][place])
    return DisputedFace(int(one["row"]), picture, _name(one["fer"]), _name(one["ferplus"]), found)


def _shares(answers: pd.DataFrame, columns: list[tuple[str, str]]) -> pd.DataFrame:
    """Share of the answers that match FER, FER+ or neither, one row per column of the panel."""
    rows = []
    for when, labels in columns:
        part = answers[(answers["when"] == when) & (answers["trained_on"] == labels)]
        fer, ferplus = (part["answer"] == part[name] for name in ("fer", "ferplus"))
        said = [float(answers.mean()) for answers in (fer, ferplus, ~(fer | ferplus))]
        rows.append([labels, when, *said, len(part)])
    head = ["trained_on", "faces", "says_fer", "says_ferplus", "says_neither", "n"]
    return pd.DataFrame(rows, columns=head)


def _table(shares: pd.DataFrame, headline: Headline | None) -> Table:
    cells = [
        [
            _kind(row.trained_on),
            "clean" if row.faces == "clean" or not headline else f"worst case {headline.text}",
            *(percent(share, 0, 1) for share in (row.says_fer, row.says_ferplus)),
            percent(row.says_neither, 0, 1),
            count(row.n),
        ]
        for row in shares.itertuples()
    ]
    fer, ferplus = label_set_name("fer"), label_set_name("ferplus")
    head = ["models", "faces", f"answer {fer} label", f"answer {ferplus} label", "neither"]
    return table("disputed", [*head, "answers"], cells, shares)


def _title(shares: pd.DataFrame, faces: int) -> str:
    parts = []
    for name, said in (("fer", "says_fer"), ("ferplus", "says_ferplus")):
        clean = shares[(shares["trained_on"] == name) & (shares["faces"] == "clean")]
        if len(clean):
            label = label_set_name(name)
            share = percent(float(clean[said].iloc[0]), 0, 1)
            answers = count(int(clean["n"].iloc[0]))
            parts.append(f"{_models(name)} agree with {label} in {share} of {answers} answers")
    return f"On the {face_count(faces)} where the label sets differ, {' and '.join(parts)}"


_CLASSES = {"fer": "seven classes", "ferplus": "eight classes"}


def _kind(label_set: str) -> str:
    """The labels that models were trained on; their classes where the data are none of these."""
    known = label_set_name(label_set) == LABEL_SETS[label_set]
    return LABEL_SETS[label_set] if known else _CLASSES[label_set]


def _models(label_set: str) -> str:
    kind = _kind(label_set)
    return f"models {'of' if kind == _CLASSES[label_set] else 'trained on'} {kind}"


def _name(index: int) -> str:
    """Name of a FER+ class, in FER's word where FER has the class."""
    fer = int(translate(np.array([index]), FERPLUS8, FER7)[0])
    return FER7.classes[fer] if fer >= 0 else FERPLUS8.classes[index]
