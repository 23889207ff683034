"""Which class each output of a model is: names matched to the label sets, columns checked."""

from datasets.emotion_names import check_other, emotion_of
from datasets.labels import SCHEMES, LabelScheme


def match_scheme(classes: tuple[str, ...]) -> tuple[LabelScheme, list[int]]:
    """Match class names, in any order and wording, to FER or FER+; else make a new scheme.

    A scheme of fewer or more classes has those of its label set first, in their order and words.

    Returns:
        The scheme, and for each of its classes the index in `classes`.

    Raises:
        ValueError: two names mean one emotion, or one beside emotions means nothing known.
    """
    named = LabelScheme("foreign", classes)
    found = list(named.emotions)
    for emotion in filter(None, found):
        if found.count(emotion) > 1:
            twice = [name for name in classes if emotion_of(name) == emotion]
            raise ValueError(f"`classes` must be distinct emotions; got {' and '.join(twice)}")
    if named.label_set is None:
        return named, list(range(len(classes)))
    others = [place for place, emotion in enumerate(found) if emotion is None]
    for place in others:
        check_other(classes[place])
    scheme = SCHEMES[named.label_set]
    pairs = zip(scheme.classes, scheme.emotions, strict=True)
    known = [(name, found.index(emotion)) for name, emotion in pairs if emotion in found]
    if len(known) == scheme.num_classes and not others:
        return scheme, [place for _, place in known]
    names = [*(name for name, _ in known), *(classes[place] for place in others)]
    return LabelScheme("foreign", tuple(names)), [*(place for _, place in known), *others]


def columns_of(order: list[int], columns: tuple[int, ...] | None) -> list[int]:
    """Column of each class in the output that a model gives.

    Args:
        order: place of each class among those that the contract names.
        columns: column of each class that the contract names; all in their order when None.
    """
    return [columns[place] for place in order] if columns else order


def check_columns(columns: tuple[int, ...], classes: tuple[str, ...]) -> None:
    """Refuse columns that are not one per class.

    Raises:
        ValueError: too many, too few, or one twice.
    """
    if len(set(columns)) != len(columns) or len(columns) != len(classes):
        raise ValueError(
            f"`columns` must be one column per class, each once; got {len(columns)} columns "
            f"({', '.join(map(str, columns))}) for {len(classes)} classes"
        )
