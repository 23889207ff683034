"""A run on faces with groups and near duplicates has figures of both."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.labels import LabelSet
from evaluation.results.run import FinishedRun
from evaluation.stages.pipeline import evaluate_run
from tests.datasets.factory import chain
from tests.evaluation import tiny


def test_subsets_and_gaps_are_written(tmp_path: Path) -> None:
    faces = tiny.faces()
    names = np.empty(40, object)
    names[:] = [("age:old",) if row < 15 else ("age:young", "light:dark") for row in range(40)]
    near = np.arange(40) % 4 == 0
    config = tiny.config(labels=(LabelSet.FER,), corruptions=(), eps=(0.02,))
    marked = replace(faces, subgroups=names, near_leaked=near)
    evaluate_run(config, marked, [tiny.classifier()], tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    n = results[(results.metric == "accuracy") & (results.perturbation == "none")]
    sizes = n.set_index("subset").n
    assert (sizes["no_leak"], sizes["no_near_leak"]) == (35, 30)
    assert (sizes["age:old"], sizes["age:young"], sizes["light:dark"]) == (15, 25, 25)
    attacked = results[results.metric == "robust_accuracy"].subset
    assert {"age:old", "no_near_leak"} <= set(attacked)
    per_image = FinishedRun(tmp_path).per_image
    assert per_image.near_leaked.notna().all()
    gaps = FinishedRun(tmp_path).gaps
    assert gaps.subset.tolist() == ["age:old", "age:old"]
    assert gaps.perturbation.tolist() == ["none", "worst_case"]
    assert (gaps.n + gaps.others_n).tolist() == [40, 40]


def test_groups_are_those_of_the_run_in_every_row(tmp_path: Path) -> None:
    """Faces 20, 21, 22 are a chain; the attack under FER+ labels leaves out 21."""
    faces = tiny.faces()
    assert faces.groups.tolist() == faces.row_ids.tolist()
    assert faces.votes is not None
    images, votes = faces.images.copy(), faces.votes.copy()
    images[20:23] = chain(3, 8)
    votes[21] = 0
    votes[21, :2] = 5
    linked = replace(faces, images=images, votes=votes)
    assert linked.groups[20:23].tolist() == [120, 120, 120]
    assert linked.take(np.array([20, 22])).groups.tolist() == [120, 122]
    config = tiny.config(models=("tiny.ferplus",), labels=(LabelSet.FERPLUS,), eps=(0.02,))
    evaluate_run(config, linked, [tiny.models()[1]], tmp_path, None, tiny.SILENT)
    per_image = FinishedRun(tmp_path).per_image
    attacked = per_image[per_image.perturbation == "pgd"].set_index("row")
    assert 121 not in attacked.index
    assert attacked.group.loc[[120, 122]].tolist() == [120, 120]
    expected = dict(zip(linked.row_ids, linked.groups, strict=True))
    assert per_image.group.tolist() == per_image.row.map(expected).tolist()
