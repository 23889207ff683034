"""Names of emotions: synonyms, other classes, slips of the pen."""

import pytest

from datasets.emotion_names import check_other, emotion_of


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        ("Joy", "happy"),
        (" happiness ", "happy"),
        ("ANGER", "angry"),
        ("Sadness", "sad"),
        ("Fearful", "fear"),
        ("surprised", "surprise"),
        ("Contempt", "contempt"),
        ("none", None),
        ("cat", None),
    ],
)
def test_synonyms(name: str, emotion: str | None) -> None:
    assert emotion_of(name) == emotion


@pytest.mark.parametrize("name", ["None", "No face", "no-face", "uncertain", "Not a face"])
def test_other_classes(name: str) -> None:
    check_other(name)


def test_a_slip_of_the_pen_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 'hapy'\. Did you mean 'happy'"):
        check_other("hapy")
    with pytest.raises(ValueError, match="got 'valence'"):
        check_other("valence")
