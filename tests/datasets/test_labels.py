import numpy as np
import pytest

from datasets.labels import FER7, FERPLUS8, NO_LABEL, Labels, LabelScheme, LabelSet, translate


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


def test_the_tables_are_those_that_the_names_say():
    """Facts of the two label sets, as numbers: FER to FER+ and back."""
    assert translate(np.arange(7), FER7, FERPLUS8).tolist() == [4, 5, 6, 1, 3, 2, 0]
    assert translate(np.arange(8), FERPLUS8, FER7).tolist() == [6, 3, 5, 4, 0, 1, 2, -1]


def test_a_scheme_of_five_emotions_and_one_class_of_its_own():
    five = LabelScheme("five", ("none", "neutral", "joy", "anger", "surprised", "fearful"))
    assert translate(np.arange(7), FER7, five).tolist() == [3, -1, 5, 2, -1, 4, 1]
    assert translate(np.arange(6), five, FERPLUS8).tolist() == [-1, 0, 1, 4, 2, 6]
    assert (five.label_set, five.lacks(LabelSet.FER)) == (LabelSet.FER, ("disgust", "sad"))
    assert five.lacks(LabelSet.FERPLUS) == ("sadness", "disgust", "contempt")
    assert (five.beyond(LabelSet.FER), five.is_whole) == (("none",), False)
    assert FERPLUS8.beyond(LabelSet.FER) == ("contempt",)


def test_the_label_set_of_a_scheme():
    assert (FER7.label_set, FER7.is_whole, FER7.beyond(LabelSet.FER)) == (LabelSet.FER, True, ())
    assert (FERPLUS8.label_set, FERPLUS8.is_whole) == (LabelSet.FERPLUS, True)
    alphabetical = LabelScheme("eight", ("anger", "contempt", "sad"))
    assert (alphabetical.label_set, alphabetical.is_whole) == (LabelSet.FERPLUS, False)
    cats = LabelScheme("cats", ("tabby", "happy"))
    assert (cats.label_set, cats.is_whole) == (None, False)


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
    with pytest.raises(ValueError, match=r"share emotions\. Received: angry, .* to a, b"):
        translate(np.array([0]), FER7, other)
