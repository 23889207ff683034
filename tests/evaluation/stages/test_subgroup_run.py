"""A run on faces with groups and near duplicates has figures of both."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.labels import LabelSet
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import PER_IMAGE_COLUMNS
from evaluation.stages.pipeline import evaluate_run
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
    per_image = read_table(tmp_path / "per_image.parquet", PER_IMAGE_COLUMNS)
    assert per_image.near_leaked.notna().all()
    gaps = FinishedRun(tmp_path).gaps
    assert gaps.subset.tolist() == ["age:old", "age:old"]
    assert gaps.perturbation.tolist() == ["none", "worst_case"]
    assert (gaps.n + gaps.others_n).tolist() == [40, 40]
