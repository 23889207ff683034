"""Contract files: class names, JSON and TOML, what is refused."""

from pathlib import Path

import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8
from fer_models.foreign.class_order import match_scheme
from fer_models.foreign.contract_file import read_contract, says_pixels
from tests.fer_models.foreign.small_nets import ALPHABETICAL, CONTRACT


def test_classes_are_matched_in_any_order_and_wording() -> None:
    words = ("Anger", "disgust", "fear", "happy", "neutral", "sadness", "surprised")
    assert match_scheme(words) == (FER7, [0, 1, 2, 3, 5, 6, 4])
    assert match_scheme(FERPLUS8.classes) == (FERPLUS8, list(range(8)))
    scheme, order = match_scheme(("yes", "no"))
    assert (scheme.classes, order) == (("yes", "no"), [0, 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected a contract"),
        ("{}", "it does not say classes and size and scaling"),
        ("[1]", "expected a contract; it must hold fields with their values; got list"),
        (CONTRACT.model_dump_json().replace("-1.0", "NaN"), "low: Input should be a finite number"),
        (
            CONTRACT.model_dump_json().replace('"channels":1', '"channels":2'),
            "should be 1 or 3; got 2",
        ),
        (CONTRACT.model_dump_json().replace("[1.0]", "[0]"), "`std` must be above 0"),
        (CONTRACT.model_dump_json().replace('"low":-1.0', '"low":1.0'), "must differ"),
        (CONTRACT.model_dump_json().replace('"height":8', '"height":1000000'), "equal to 1024"),
        pytest.param("[" * 200_000, "brackets nested too deep", id="brackets"),
    ],
)
def test_damaged_contracts_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_contract(tmp_path / "c.json")
    said = str(caught.value)
    assert "\n" not in said and ".." not in said.replace("...", "")
    assert "docs/add-a-model.md" in said or "fer_models.probe" in said


def test_a_folder_is_no_contract(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a contract, found a folder"):
        read_contract(tmp_path)


def test_toml_contracts(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f"classes = {list(ALPHABETICAL)}\nheight = 8\nwidth = 8\nchannels = 1\nlow = -1\nhigh = 1\n"
        'output = "probabilities"\n'
    )
    assert read_contract(tmp_path / "c.toml") == CONTRACT
    (tmp_path / "bom.json").write_text(CONTRACT.model_dump_json(), "utf-8-sig")
    assert read_contract(tmp_path / "bom.json") == CONTRACT
    (tmp_path / "c.toml").write_text("a = " + "[" * 200_000)
    with pytest.raises(InputError, match="brackets nested too deep"):
        read_contract(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("left_out", "says"),
    [("classes", True), ("resampling", True), ("width", False), ("low high mean std steps", False)],
)
def test_a_file_that_gives_size_and_scaling_says_the_pixels(
    tmp_path: Path, left_out: str, says: bool
) -> None:
    model = str(tmp_path / "vit")
    assert not says_pixels(model)
    text = CONTRACT.model_dump_json(exclude=set(left_out.split()))
    (tmp_path / "vit.contract.json").write_text(text)
    assert says_pixels(model) == says
