"""What a run says before it measures anything."""

import pytest

from evaluation.api import selected_on_public_test
from fer_models.zoo import describe


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["tiny.fer", "mirror_cnn.fer"], ""),
        (["tiny.fer", "simple_cnn.fer"], "simple_cnn.fer was"),
        (["hybrid.fer+jpeg75", "simple_cnn.fer"], "hybrid.fer+jpeg75, simple_cnn.fer were"),
        (["hybrid.fer", "inception.fer", "simple_cnn.fer", "xception.fer"], "4 of the models were"),
    ],
)
def test_only_what_was_selected_on_the_faces_is_said_to_be(models: list[str], said: str) -> None:
    assert selected_on_public_test(models, [describe(model) for model in models]) == said
