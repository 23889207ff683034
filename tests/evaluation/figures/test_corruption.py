"""Corruption errors of eight faces, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from datasets.labels import FER7, NO_LABEL, LabelSet
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    FER,
    NAN,
    NEUTRAL,
    SAD,
    attacked,
    figure,
    image_rows,
    summary,
)


def corrupted(predictions: list[int], kind: str, severity: int, model: str) -> pd.DataFrame:
    return image_rows(predictions, model=model, perturbation=kind, severity=severity, clean=CLEAN)


def test_corruption_errors_relative_to_the_baseline() -> None:
    base, net = "simple_cnn.fer", "net.fer"
    none_right, all_right = [NEUTRAL] * 8, FER
    found = summary(
        image_rows(CLEAN, model=base),  # 2 of 8 wrong
        corrupted(none_right, "blur", 1, base),
        corrupted(none_right, "blur", 2, base),
        corrupted(none_right, "fog", 1, base),
        corrupted(CLEAN, "fog", 2, base),
        image_rows(all_right, model=net),
        corrupted(CLEAN, "blur", 1, net),
        corrupted(none_right, "blur", 2, net),
        corrupted(CLEAN, "fog", 1, net),
        corrupted(all_right, "fog", 2, net),
        schemes={base: FER7, net: FER7},
        label_sets=(LabelSet.FER,),
        baseline=base,
    )
    key = {"model": net, "label_set": "fer"}
    blur, fog = key | {"perturbation": "blur"}, key | {"perturbation": "fog"}
    every = key | {"perturbation": "corruptions"}
    # blur: (2/8 + 1) / (1 + 1); fog: (2/8 + 0) / (1 + 2/8)
    assert figure(found, "corruption_error", **blur).value == pytest.approx(0.625)
    assert figure(found, "corruption_error", **fog).value == pytest.approx(0.2)
    assert figure(found, "mce", **every).value == pytest.approx((0.625 + 0.2) / 2)
    # after the clean errors 0 and 2/8: 1.25 / 1.5 and 0.25 / 0.75
    relative = figure(found, "relative_corruption_error", **blur)
    assert relative.value == pytest.approx(1.25 / 1.5)
    assert relative.detail == base
    expected = (1.25 / 1.5 + 0.25 / 0.75) / 2
    assert figure(found, "relative_mce", **every).value == pytest.approx(expected)
    accuracy = figure(found, "mean_corruption_accuracy", **every)
    assert accuracy.value == pytest.approx((6 / 8 + 0 + 6 / 8 + 1) / 4)
    own = {"model": base, "label_set": "fer", "perturbation": "corruptions"}
    assert figure(found, "mce", **own).value == 1
    assert figure(found, "relative_mce", **own).value == 1


def test_images_seen_twice_have_the_intervals_of_seeing_them_once() -> None:
    base, net = "simple_cnn.fer", "net.fer"
    once = [
        image_rows(CLEAN, model=base),
        corrupted([NEUTRAL] * 8, "blur", 1, base),
        image_rows(FER, model=net),
        corrupted(CLEAN, "blur", 1, net),
        attacked([SAD] * 8, [0.1, 0.2, NAN, 0, NAN, NAN, 0, NAN], model=net),
    ]
    twice = [
        pd.concat([part, part.assign(row=part.row + 100)]).assign(group=[*part.row, *part.row])
        for part in once
    ]
    first, second = (
        summary(*parts, schemes={base: FER7, net: FER7}, baseline=base) for parts in (once, twice)
    )
    for metric in (
        "mean_corruption_accuracy", "corruption_error", "relative_corruption_error", "mce",
        "relative_mce", "label_gap", "label_noise_share",
    ):  # fmt: skip
        apart, together = (found[found.metric == metric] for found in (first, second))
        assert len(apart) and (2 * apart.n).tolist() == together.n.tolist()
        for column in ("value", "ci_low", "ci_high"):
            expected = apart[column].to_numpy(float)
            np.testing.assert_allclose(together[column].to_numpy(float), expected, atol=1e-12)


def test_without_the_baseline_the_reason_stands_in_the_row() -> None:
    found = summary(image_rows(CLEAN), corrupted(CLEAN, "blur", 1, "net.fer"))
    row = figure(found, "mce", label_set="ferplus")
    assert np.isnan(row.value)
    assert (row.n, row.detail) == (0, "needs simple_cnn.ferplus in the run")
    assert not (found.metric == "corruption_error").any()


def test_labels_that_no_face_has_give_figures_of_no_faces() -> None:
    base, net = "simple_cnn.fer", "net.fer"
    found = summary(
        *(
            part.assign(fer=NO_LABEL)
            for model in (base, net)
            for part in (image_rows(CLEAN, model=model), corrupted(CLEAN, "blur", 1, model))
        ),
        schemes={base: FER7, net: FER7},
        label_sets=(LabelSet.FER,),
        baseline=base,
    )
    corruptions = found[found.perturbation.isin(["blur", "corruptions"])]
    assert {"accuracy", "mean_corruption_accuracy", "corruption_error", "relative_mce"} <= set(
        corruptions.metric
    )
    assert (corruptions.n == 0).all()
    assert corruptions.value.isna().all()
