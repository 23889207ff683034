"""The panel of disputed faces: who follows which label, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.disputed_faces import disputed_faces
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)
FER_NET, FERPLUS_NET = FOUR[0], FOUR[2]


def rows(model: str, answers: list[int], broken: list[float], attacked: list[int]) -> pd.DataFrame:
    """Three faces: FER says angry, FER+ says sadness; the third is called sad by both."""
    own = model.rpartition(".")[2]
    shared = {
        "row": [7, 8, 9],
        "fer": [0, 0, 4],
        "ferplus": [3, 3, 3],
        "votes": [[0, 0, 0, 8, 2, 0, 0, 0, 0, 0]] * 3,
        "model": model,
    }
    clean = pd.DataFrame(shared | {"perturbation": "none", "attacked_labels": "", "norm": ""})
    clean = clean.assign(prediction=answers, smallest_eps=np.nan)
    hit = pd.DataFrame(shared | {"perturbation": "pgd", "attacked_labels": own, "norm": "linf"})
    return pd.concat([clean, hit.assign(prediction=attacked, smallest_eps=broken)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=(FER_NET, FERPLUS_NET), corruptions=(), examples=0)
    run = FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))
    per_image = pd.concat(
        [
            # angry, sad; the first breaks to happy at 1/255, the second was wrong already
            rows(FER_NET, [0, 4, 4], [1 / 255, 0, np.nan], [3, 4, 4]),
            # sadness, anger; the first breaks only beyond the headline
            rows(FERPLUS_NET, [3, 4, 3], [8 / 255, 0, np.nan], [1, 4, 3]),
        ]
    )
    disputed = {"row": np.array([7, 8]), "image": np.zeros((2, 4, 4, 1), np.uint8)}
    return replace(run, per_image=per_image, disputed=disputed)


def test_shares_count_whom_the_models_follow(run: FinishedRun) -> None:
    panel = disputed_faces(run, TOP)
    assert panel is not None
    half, none = "50\u202f%", "0\u202f%"
    assert panel.shares.rows == [
        ["FER", "clean", half, half, none, "2"],
        ["FER+", "clean", half, half, none, "2"],
        ["FER", "worst case 4/255", none, half, half, "2"],
        ["FER+", "worst case 4/255", half, half, none, "2"],
    ]
    assert panel.title.startswith("On the 2 faces where the label sets differ, models trained on")
    assert "in 50\u202f% of 2 answers" in panel.title
    assert panel.moments == {"clean": ["FER", "FER+"], "attacked": ["FER", "FER+"]}


def test_neither_label_in_no_answer_is_none_exactly(run: FinishedRun) -> None:
    """1 - 7/10 - 3/10 is 5.6e-17 in floating point, which would print as less than 1 %."""
    shared = {"fer": 0, "ferplus": 3, "votes": [[0, 0, 0, 8, 2, 0, 0, 0, 0, 0]] * 10}
    faces = pd.DataFrame(shared | {"row": range(10), "model": FER_NET, "smallest_eps": np.nan})
    clean = faces.assign(perturbation="none", attacked_labels="", norm="")
    answers = replace(run, per_image=clean.assign(prediction=[0] * 7 + [4] * 3))
    panel = disputed_faces(answers, None)
    assert panel is not None
    assert panel.shares.rows == [["FER", "clean", "70\u202f%", "30\u202f%", "0\u202f%", "10"]]


def test_a_face_shows_votes_and_answers(run: FinishedRun) -> None:
    panel = disputed_faces(run, TOP)
    assert panel is not None
    first = panel.faces[0]
    assert (first.row, first.fer, first.ferplus) == (7, "angry", "sad")
    told = [
        (answer.name, answer.votes, answer.label_set, answer.models) for answer in first.answers
    ]
    assert told == [
        ("sad", 8, "ferplus", [0, 1, 0, 1]),
        ("angry", 2, "fer", [1, 0, 0, 0]),
        ("happy", 0, "", [0, 0, 1, 0]),
    ]
    assert first.picture.startswith("data:image/png;base64,")


def test_without_attacks_there_is_one_moment(run: FinishedRun) -> None:
    panel = disputed_faces(run, None)
    assert panel is not None and list(panel.moments) == ["clean"]
    assert "ttacked" not in panel.caption


def test_no_disagreement_no_panel(run: FinishedRun) -> None:
    agreed = run.per_image[run.per_image["row"] == 9]
    assert disputed_faces(replace(run, per_image=agreed), TOP) is None
    kept = {name: array[:0] for name, array in run.disputed.items()}
    panel = disputed_faces(replace(run, disputed=kept), TOP)
    assert panel is not None and panel.faces == []
