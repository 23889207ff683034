"""The checker of `tests/test_architecture.py`: files that break its rules and files that do not."""

import pytest

from tests.test_architecture import violations


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        ("datasets/votes.py", "import fer_models.zoo", "which datasets.votes may not"),
        ("datasets/read.py", "import tensorflow as tf", "which datasets.read may not"),
        ("datasets/read.py", "def f():\n    from keras import ops", "which datasets.read may not"),
        ("faces/crops.py", "from attacks.base import Attack", "which faces.crops may not"),
        ("fer_models/zoo.py", "import tensorflow", "which fer_models.zoo may not"),
        ("fer_models/zoo.py", "import torch", "which fer_models.zoo may not"),
        ("fer_models/gradients.py", "import torch", "which fer_models.gradients may not"),
        ("attacks/pgd.py", "from torch import nn", "which attacks.pgd may not"),
        ("fer_models/zoo.py", "from evaluation import metrics", "which fer_models.zoo may not"),
        ("attacks/pgd.py", "from fer_models.zoo import load", "which attacks.pgd may not"),
        ("attacks/pgd.py", "from evaluation.results import X", "which attacks.pgd may not"),
        ("evaluation/metrics/votes.py", "import keras", "which evaluation.metrics.votes may not"),
        ("evaluation/metrics/votes.py", "from datasets.faceset import Split", "votes may not"),
        ("evaluation/statistics/ranks.py", "from attacks.base import X", "ranks may not"),
        ("evaluation/pipeline.py", "from reports.page import X", "evaluation.pipeline may not"),
        ("reports/page.py", "from evaluation.metrics.votes import x", "reports.page may not"),
        ("reports/page.py", "from evaluation import metrics", "reports.page may not"),
        ("reports/page.py", "from evaluation import evaluate", "reports.page may not"),
        ("reports/page.py", "import tensorflow.math", "which reports.page may not"),
        ("live/page.py", "from evaluation.results import X", "which live.page may not"),
        ("evaluation/art_bridge.py", "import art.attacks", "which evaluation.art_bridge may not"),
        ("attacks/pgd.py", "from art.attacks.evasion import ZooAttack", "attacks.pgd may not"),
        ("attacks/sets/store.py", "from evaluation.run import main", "a command file"),
        ("evaluation/pipeline.py", "from evaluation import run", "a command file"),
        ("evaluation/pipeline.py", "from . import run", "a command file"),
        ("evaluation/deep/part.py", "from ..run import main", "a command file"),
        ("evaluation/pipeline.py", "from evaluation.api import x", "a command as a function"),
        ("evaluation/__init__.py", "import numpy", "imports lazily"),
        ("evaluation/__init__.py", "from evaluation.run import main", "imports lazily"),
        ("attacks/utils.py", "", "a vague name"),
        ("attacks/common/steps.py", "", "a vague name"),
    ],
)
def test_checker_reports_a_bad_file(path, source, reason):
    (found,) = violations(path, source, commands=("evaluation.run",))
    assert reason in found


COMMAND = '\nif __name__ == "__main__":\n    pass\n'


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("faces/crops.py", "from datasets.faceset import FaceSet"),
        ("fer_models/gradients.py", "import tensorflow as tf"),
        ("fer_models/zoo.py", "import keras"),
        ("fer_models/pytorch/pixels.py", "import torch"),
        ("attacks/pgd.py", "from fer_models import losses"),
        ("attacks/art_bridge/score.py", "import art"),
        ("evaluation/statistics/ranks.py", "from evaluation.metrics import votes\nimport scipy"),
        ("reports/page.py", "from datasets.labels import FER7\nfrom evaluation import statistics"),
        ("reports/build.py", "from evaluation.compare import compare" + COMMAND),
        ("evaluation/api.py", "from reports.page import write_report"),
        ("evaluation/run.py", "from evaluation.api import evaluate" + COMMAND),
        ("evaluation/__init__.py", "if TYPE_CHECKING:\n    from evaluation.api import evaluate"),
        ("evaluation/__init__.py", "def __getattr__(name):\n    from evaluation.run import main"),
        ("evaluation/deep/part.py", "from ..running import main"),
    ],
)
def test_checker_passes_a_good_file(path, source):
    assert violations(path, source, commands=("evaluation.run",)) == []


def test_command_may_not_break_the_rules_on_frameworks():
    (found,) = violations("reports/build.py", "import tensorflow" + COMMAND)
    assert "which reports.build may not" in found
