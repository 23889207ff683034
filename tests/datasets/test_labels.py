import numpy as np
import pytest

from datasets.labels import FER7, FERPLUS8, NO_LABEL, Labels, LabelScheme, translate


def test_fer_to_ferplus_by_name():
    alike = {
        "angry": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happiness",
        "sad": "sadness",
        "surprise": "surprise",
        "neutral": "neutral",
    }
    found = Labels(FER7, np.arange(7)).to(FERPLUS8).values
    assert [FERPLUS8.classes[value] for value in found] == [alike[name] for name in FER7.classes]


def test_there_and_back():
    fer = Labels(FER7, np.array([0, 6, NO_LABEL, 3, 4, 5, 2, 1]))
    assert fer.to(FERPLUS8).to(FER7).values.tolist() == fer.values.tolist()
    assert fer.to(FER7) is fer


def test_contempt_has_no_fer_class():
    labels = Labels(FERPLUS8, np.array([7, 0])).to(FER7)
    assert labels.values.tolist() == [NO_LABEL, 6]
    assert labels.present.tolist() == [False, True]


def test_take_and_length():
    labels = Labels(FER7, np.array([5, 1, 2])).take(np.array([2, 0]))
    assert (len(labels), labels.values.tolist(), labels.values.dtype) == (2, [2, 5], np.int64)


@pytest.mark.parametrize("values", [[7], [-2], [0.5], [[1]]])
def test_labels_outside_the_scheme(values):
    with pytest.raises(ValueError, match="`values` must be"):
        Labels(FER7, np.array(values))


@pytest.mark.parametrize("classes", [("one",), ("one", "one")])
def test_scheme_needs_two_distinct_classes(classes):
    with pytest.raises(ValueError, match="two distinct names"):
        LabelScheme("odd", classes)


def test_unknown_correspondence():
    other = LabelScheme("other", ("a", "b"))
    with pytest.raises(ValueError, match="'fer' to 'other'"):
        translate(np.array([0]), FER7, other)
