"""Reading the file of a service: every mistake is one line."""

from pathlib import Path

import pytest

from datasets.base.errors import InputError
from fer_models.foreign.contract_file import contract_of, has_whole_contract, known_contract
from fer_models.foreign.names import files_sha256, is_foreign, short_name
from fer_models.services.service_file import places, read_service, read_service_file
from fer_models.zoo import describe, resolve

GOOD = 'url = "http://127.0.0.1:8000/predict"\nscores = "scores"\noutput = "probabilities"\n'
NAMES = '["neutral", "happiness", "sadness", "surprise", "anger", "disgust", "fear"]'


def written(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.http.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("url = ", "Invalid value"),
        (GOOD.replace("http:", "ftp:"), "url must be http"),
        (GOOD.replace("127", "me:key@127"), "must not hold a name or password"),
        (GOOD.replace("8000", "80000"), "Port out of range"),
        (GOOD.replace('scores = "scores"\n', ""), "say where the scores are"),
        (GOOD + 'label = "label"', "one of them"),
        (GOOD.replace('output = "probabilities"\n', ""), "say what the scores are"),
        (GOOD + 'sned = "png"', "sned: no such field"),
        (GOOD + "batch = 8", "one image per request"),
        (GOOD + 'batch = 8\nsend = "multipart"', r"must say with \[\*\]"),
        (GOOD.replace('"scores"', '"a[*].b[*]"'), r"one \[\*\]"),
        (GOOD.replace('"scores"', '"a..b"'), "must be keys and indices"),
        (GOOD + 'send = "base64"\nbody = {a = 1}', "must hold '.image' once"),
        (
            GOOD.replace('"scores"', '"p[*]"') + 'send = "base64"\nbatch = 2',
            "one list such as .*; got 0",
        ),
        (
            GOOD.replace('"scores"', '"p[*]"')
            + 'send = "pixels"\nbatch = 2\nbody = {inputs = [{data = ["$image"]}]}',
            "one list such as .*; got 2",
        ),
        (GOOD + "high = 1.0", "high is of send = pixels"),
        (GOOD + 'body = {a = "$image"}', "body is of send = base64 or pixels"),
        (GOOD + 'classes = ["happy", "Happy"]', "must differ"),
        (GOOD + "budget = 0", "budget: "),
        ('url = "http://h/"\nlabel = "label"', "list the class names"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=words) as caught:
        read_service_file(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_classes_that_are_no_emotions_are_one_line(tmp_path: Path) -> None:
    path = str(written(tmp_path, GOOD + 'classes = ["happy", "sad", "tabby"]'))
    with pytest.raises(InputError, match=r"got 'tabby'\. Correct it") as caught:
        known_contract(path)
    assert "\n" not in str(caught.value)


def test_paths_into_an_answer() -> None:
    assert places("predictions[*].scores") == ("predictions", None, "scores")
    assert places("[*]") == (None,)
    assert places("a[0].b c") == ("a", 0, "b c")
    assert places("") == ()


def test_a_service_is_a_foreign_model_with_a_contract_of_its_own(tmp_path: Path) -> None:
    path = str(written(tmp_path, GOOD + f"classes = {NAMES}"))
    assert is_foreign(path) and short_name(path) == "mine" and resolve(path) == [path]
    assert has_whole_contract(path)
    contract, order = contract_of(path).contract()
    assert contract.scheme.name == "fer" and order == [4, 5, 6, 1, 2, 3, 0]
    assert (contract.height, contract.width, contract.channels) == (48, 48, 1)
    assert (contract.low, contract.high) == (0, 255)
    before = describe(path).weights_sha256
    faster = GOOD + f"classes = {NAMES}\nparallel = 9\nbudget = 7\ntimeout = 1"
    assert describe(str(written(tmp_path, faster))).weights_sha256 == before
    moved = faster.replace("8000", "8001")
    assert describe(str(written(tmp_path, moved))).weights_sha256 != before


def test_classes_that_are_not_named_are_asked_for(tmp_path: Path) -> None:
    path = str(written(tmp_path, GOOD))
    assert known_contract(path).missing == ["classes"]
    with pytest.raises(InputError, match=r"does not name the classes .* fer_models\.probe"):
        contract_of(path)
    names = NAMES.replace("'", '"')
    (tmp_path / "mine.http.toml.contract.json").write_text(f'{{"classes": {names}}}')
    assert contract_of(path).classes[0] == "neutral"  # as a probe writes them


@pytest.mark.parametrize(
    ("own", "beside", "words"),
    [
        ("", '{"high": 1, "steps": ["equalise"]}', "and says high and steps otherwise: leave that"),
        (f"classes = {NAMES}", '{"classes": ["happy", "sad"]}', "and says classes otherwise"),
    ],
)
def test_what_a_contract_beside_a_service_cannot_say_is_refused(
    tmp_path: Path, own: str, beside: str, words: str
) -> None:
    """It would be ignored: a service has a file of its own for it."""
    path = str(written(tmp_path, GOOD + own))
    (tmp_path / "mine.http.toml.contract.json").write_text(beside)
    with pytest.raises(InputError, match=f"mine.http.toml: .* may name classes alone, {words}"):
        known_contract(path)


def test_a_url_means_the_file_in_this_folder_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "http://127.0.0.1:8000/predict"
    written(tmp_path, GOOD.replace("predict", "other"), "other")
    assert is_foreign(url) and resolve(url) == [url]
    with pytest.raises(InputError, match=r"no \*\.http\.toml in this folder names it"):
        read_service(url)
    written(tmp_path, GOOD)
    assert read_service(url).url == url and short_name(url) == "predict"
    assert files_sha256(url) == files_sha256("mine.http.toml")
    written(tmp_path, GOOD, "twin")
    with pytest.raises(InputError, match=r"mine\.http\.toml and twin\.http\.toml name this URL"):
        read_service(url)
    written(tmp_path, "url = ", "broken")
    with pytest.raises(InputError, match=r"mine\.http\.toml and twin\.http\.toml name this URL"):
        read_service(url)
    (tmp_path / "twin.http.toml").unlink()
    assert read_service(url).url == url, "a damaged file beside it is of another service"
    with pytest.raises(InputError, match=r"that can be read names it; broken\.http\.toml: exp"):
        read_service(url + "s")
    with pytest.raises(InputError, match="http://: url must be http"):
        read_service("http://")
    with pytest.raises(InputError, match="name or password") as caught:
        read_service("http://me:secret@127.0.0.1/")
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="expected a service's contract, found no such file"):
        describe("missing.http.toml")
