"""`python -m benchmarks.brief_expressions --data DIR`: precision and recall on planted expressions.

Faces are FER2013's PublicTest, which no net was trained on: rows with an even place were used to
choose the thresholds of `live/video/brief/expressions.py` (`--half even`), the others are scored.
Faces are drawn twice: `clear` ones, whose FER label at least nine of ten annotators of FER+ chose,
and `all`, by their FER label. An event counts as found if it and the planted one overlap by an
IoU of 0.5 or more, as in the Micro-Expression Grand Challenge (See et al., FG 2019), whatever
emotion it names. Prints the section `## Brief expressions` of `docs/benchmarks.md`.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

import numpy as np
import typer
from scipy.special import softmax
from scipy.stats import chi2

from benchmarks.planted_expressions import RATE, SECONDS, Planted, plan, render
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from datasets.labels import FER7
from evaluation.statistics.intervals import proportion
from live.video.brief.expressions import NEUTRAL, BriefExpression, brief_expressions

SAME = 0.5
"""Smallest IoU of an event and the planted one."""
CLEAR_VOTES = 9
FEWEST_FACES = 5
"""Faces that a class must have to be drawn from."""
STILL, MOVING = "still", "moving"


class Half(StrEnum):
    """Halves of PublicTest by the place of the row."""

    EVEN = "even"
    ODD = "odd"


class Score(NamedTuple):
    """Events of one or more clips: planted, found, of them with their emotion, and false ones."""

    planted: int = 0
    found: int = 0
    named: int = 0
    false: int = 0

    def plus(self, other: "Score") -> "Score":
        """Add up."""
        return Score(*(a + b for a, b in zip(self, other)))


def main(
    data: Annotated[str, typer.Option(help="Folder with fer2013.csv and its FER+ votes.")],
    models: Annotated[str, typer.Option(help="Ids of classifiers.")] = (
        "vgg_small.fer,simple_cnn.fer"
    ),
    clips: Annotated[int, typer.Option(min=1, help="Planted clips of each kind of face.")] = 20,
    half: Annotated[Half, typer.Option(help="Half of PublicTest that faces come from.")] = Half.ODD,
) -> None:
    """Score brief expressions on planted clips, and count false events on neutral faces."""
    from datasets.base.progress import bar
    from datasets.faceset import Split
    from datasets.read import load
    from fer_models import zoo

    known = zoo.resolve(models)
    faces = load(data, Split.PUBLIC_TEST)
    if faces.votes is None or faces.fer is None:
        raise InputError(f"{data}: expected FER labels and FER+ votes; found only one of them.")
    clear = (faces.votes.max(axis=1) >= CLEAR_VOTES) & _voted_like(faces.votes, faces.fer)
    mine = np.arange(len(faces.fer)) % 2 == (half is Half.ODD)
    classifiers = [zoo.load(name) for name in known]
    rows = []
    total = 2 * (clips + 2 * empty_clips(clips))
    with bar("clips") as progress:
        done = 0
        for kind, chosen in (("clear", clear & mine), ("all", mine)):
            images, labels = faces.images[chosen, :, :, 0], faces.fer[chosen]
            scores: dict[tuple[str, str], Score] = {}
            for scene, planted, frames in _clips(images, labels, clips, half):
                for classifier in classifiers:
                    shares = softmax(classifier.logits(frames).astype(np.float64), axis=1)
                    times = np.arange(len(frames)) / RATE
                    found = brief_expressions(times, shares, FER7.classes)
                    key = classifier.id, scene
                    scores[key] = scores.get(key, Score()).plus(score(planted, found))
                done += 1
                progress(done, total)
            rows += [_row(model, kind, scores, empty_clips(clips)) for model in known]
    print(_section(rows, models, clips))


def score(planted: Sequence[Planted], found: Sequence[BriefExpression]) -> Score:
    """Match each planted expression with one event at most."""
    free = list(found)
    wanted = [one for one in planted if one.kind == "brief"]
    named = 0
    for one in wanted:
        overlaps = [_overlap(one, event) for event in free]
        if overlaps and max(overlaps) >= SAME:
            named += free.pop(int(np.argmax(overlaps))).emotion == FER7.classes[one.emotion]
    return Score(len(wanted), len(found) - len(free), named, len(free))


def _overlap(one: Planted, event: BriefExpression) -> float:
    last = event.offset + 1 / RATE
    shared = min(one.end, last) - max(one.start, event.onset)
    return max(0.0, shared) / (max(one.end, last) - min(one.start, event.onset))


def _clips(
    images: np.ndarray, labels: np.ndarray, clips: int, half: Half
) -> Iterator[tuple[str, list[Planted], np.ndarray]]:
    """Scene, what is planted, and frames of each clip."""
    neutral = FER7.classes.index(NEUTRAL)
    counts = np.bincount(labels, minlength=len(FER7.classes))
    emotions = [k for k, n in enumerate(counts) if n >= FEWEST_FACES and k != neutral]
    empty = empty_clips(clips)
    scenes = [*["planted"] * clips, *[STILL] * empty, *[MOVING] * empty]
    for i, scene in enumerate(scenes):
        rng = np.random.default_rng([int(half is Half.ODD), i])
        face = images[rng.choice(np.flatnonzero(labels == neutral))]
        planted = plan(rng, images, labels, emotions) if scene == "planted" else []
        moving = scene == MOVING or (scene == "planted" and i % 2 == 1)
        yield scene, planted, render(rng, face, planted, moving)


def _voted_like(votes: np.ndarray, fer: np.ndarray) -> np.ndarray:
    """Whether FER+'s top vote names the class of the FER label."""
    from datasets.labels import FERPLUS8, translate

    top = votes.argmax(axis=1)
    known = top < len(FERPLUS8.classes)
    return known & (translate(np.where(known, top, 0), FERPLUS8, FER7) == fer)


def _row(model: str, kind: str, scores: dict[tuple[str, str], Score], empty: int) -> str:
    total = scores[model, "planted"]
    cells = [f"`{model}`", kind, str(total.planted)]
    cells.append(_share(total.found, total.planted))
    cells.append(_share(total.found, total.found + total.false))
    cells.append(_share(total.named, total.found))
    for scene in (STILL, MOVING):
        minutes = empty * SECONDS / 60
        cells.append(_per_minute(scores[model, scene].false, minutes))
    return f"| {' | '.join(cells)} |"


def _share(count: int, n: int) -> str:
    found = proportion(count, n)
    return f"{in_percent(found.value)} % ({in_percent(found.low)} to {in_percent(found.high)})"


def _per_minute(count: int, minutes: float) -> str:
    """Rate with the exact 95 % interval of a Poisson count."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / minutes:.2f} ({low / minutes:.2f} to {high / minutes:.2f})"


def _section(rows: Sequence[str], models: str, clips: int) -> str:
    command = "python -m benchmarks.brief_expressions --data DIR"
    head = ["model", "faces", "planted", "recall", "precision", "emotion named"]
    head += ["false per minute, still", "moving"]
    return "\n".join(
        [
            "## Brief expressions",
            "",
            f"Each row: {clips} clips of {SECONDS} s with planted expressions, and",
            f"{empty_clips(clips)} of a still and as many of a moving neutral face; 95 % intervals",
            f"that take events as independent; `{command} --models {models} --clips {clips}`:",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *rows,
        ]
    )


def empty_clips(clips: int) -> int:
    """Number of clips in which nothing is planted, beside this many in which something is."""
    return max(1, clips // 2)


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.brief_expressions")
