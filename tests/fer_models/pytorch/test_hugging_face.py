"""Hugging Face folders: what transformers answers, refusals, the hub's cache."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.base.errors import InputError
from datasets.labels import FER7, LabelSet
from fer_models import zoo
from fer_models.contract import Resampling
from fer_models.foreign.contract_file import contract_of
from fer_models.hub.hugging_face import folder_of, is_hugging_face
from fer_models.losses import Loss
from fer_models.pytorch.classifier import TorchClassifier

transformers = pytest.importorskip("transformers")

NAMES = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
FER_ORDER = [0, 1, 2, 3, 5, 6, 4]


def write_vit(folder: Path, names: tuple[str, ...] = NAMES, **processor: Any) -> Path:
    """A tiny vision transformer of 32x32 pixels with its preprocessor."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        id2label=dict(enumerate(names)),
        label2id={name: place for place, name in enumerate(names)},
        initializer_range=0.5,
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    settings = {"size": {"height": 32, "width": 32}, **processor}
    transformers.ViTImageProcessor(**settings).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only: copy it to change something."""
    return write_vit(tmp_path_factory.mktemp("hub") / "vit-face")


@pytest.fixture
def folder(vit: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(vit, tmp_path / "vit"))


def grey(count: int, side: int) -> np.ndarray:
    """Smooth grey faces, uint8 (N, side, side, 1)."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (count, 6, 6)).astype(np.uint8)
    big = [
        np.asarray(Image.fromarray(c).resize((side, side), Image.Resampling.BICUBIC))
        for c in coarse
    ]
    return np.stack(big)[..., None]


def by_transformers(folder: Path, faces: np.ndarray) -> np.ndarray:
    """What transformers' own code answers for uint8 faces (N, H, W, 1), in the folder's order."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    net = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    pictures = [Image.fromarray(face[..., 0]).convert("RGB") for face in faces]
    with torch.no_grad():
        logits = net(**processor(pictures, return_tensors="pt")).logits
    return np.asarray(logits.numpy())


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(("side", "tolerance"), [(32, 1e-4), (48, 2e-3), (20, 1e-2)])
def test_a_folder_answers_as_transformers_does(vit: Path, side: int, tolerance: float) -> None:
    """Also of another size: its preprocessor rounds to 8 bits after each pass of resizing."""
    classifier = zoo.load(str(vit))
    assert isinstance(classifier, TorchClassifier), "white-box"
    assert (classifier.id, classifier.scheme) == ("vit-face", FER7)
    faces = grey(16, side)
    found = classifier.logits(faces.astype(np.float32) / 255)
    expected = by_transformers(vit, faces)[:, FER_ORDER]
    np.testing.assert_allclose(found, expected, atol=tolerance * np.ptp(expected))


def test_gradients_are_those_of_finite_differences(vit: Path) -> None:
    """At the net's own size; elsewhere resizing rounds, with a straight-through gradient."""
    classifier = zoo.load(str(vit))
    assert isinstance(classifier, TorchClassifier)
    images, rng = grey(64, 32).astype(np.float32) / 255, np.random.default_rng(0)
    for count in (1, 7, 64):
        assert classifier.logits(images[:count]).shape == (count, 7)
    images = 0.2 + 0.6 * images[:4]
    labels = np.arange(4)
    found = classifier.input_gradients(images, labels, Loss.CROSS_ENTROPY)
    direction = rng.standard_normal(images.shape).astype(np.float32)
    step = 1e-3 * direction / np.abs(direction).max()
    after, before = (
        classifier.input_gradients(images + sign * step, labels, Loss.CROSS_ENTROPY).loss
        for sign in (1, -1)
    )
    expected = 2 * (found.gradient * step).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(after - before, expected, rtol=0.02, atol=1e-4)


def test_what_the_two_files_say_is_the_contract(vit: Path) -> None:
    file = contract_of(str(vit))
    assert (file.height, file.width, file.channels) == (32, 32, 3)
    assert file.resampling is Resampling.BILINEAR_ANTIALIAS
    assert (file.low, file.high, file.mean, file.std) == (0, 1, (0.5,) * 3, (0.5,) * 3)
    known = zoo.describe(str(vit))
    assert (known.architecture, known.label_set) == ("foreign", LabelSet.FER)
    assert known.weights_sha256 == zoo.load(str(vit)).weights_sha256
    assert zoo.resolve(f"{vit}+bits3") == [f"{vit}+bits3"]


def test_a_crop_and_another_scaling(tmp_path: Path) -> None:
    """As CLIP does: bicubic to a shortest edge, the centre, mean and deviation per channel."""
    folder = write_vit(tmp_path / "vit")
    transformers.CLIPImageProcessor(
        size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    contract = contract_of(str(folder)).contract()[0]
    assert (contract.resized, contract.resampling) == ((40, 40), Resampling.BICUBIC_ANTIALIAS)
    faces = grey(16, 48)
    found = zoo.load(str(folder)).logits(faces.astype(np.float32) / 255)
    expected = by_transformers(folder, faces)[:, FER_ORDER]
    np.testing.assert_allclose(found, expected, atol=0.05 * np.ptp(expected))


def test_a_contract_file_corrects_the_folder(folder: Path) -> None:
    classes = ["sad", "disgust", "fear", "happy", "neutral", "angry", "surprise"]
    Path(f"{folder}.contract.json").write_text(
        json.dumps({"classes": classes, "resampling": "nearest"})
    )
    file = contract_of(str(folder))
    assert (file.classes, file.resampling) == (tuple(classes), Resampling.NEAREST)
    assert (file.height, file.mean) == (32, (0.5,) * 3)
    images = grey(3, 48).astype(np.float32) / 255
    assert zoo.load(str(folder)).logits(images).shape == (3, 7)


def test_fewer_classes_and_one_of_its_own(tmp_path: Path) -> None:
    folder = write_vit(tmp_path / "vit", ("none", "joy", "sadness", "fear"))
    classifier = zoo.load(str(folder))
    assert classifier.scheme.classes == ("fear", "happy", "sad", "none")
    faces = grey(5, 32)
    expected = by_transformers(folder, faces)[:, [3, 1, 2, 0]]
    found = classifier.logits(faces.astype(np.float32) / 255)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cats(folder: Path) -> None:
    change(folder / "config.json", id2label={"0": "tabby", "1": "siamese"})


def a_slip(folder: Path) -> None:
    change(folder / "config.json", id2label=dict(enumerate((*NAMES[:3], "hapy", *NAMES[4:]))))


def no_names(folder: Path) -> None:
    change(folder / "config.json", id2label={str(place): f"LABEL_{place}" for place in range(7)})


def eight_names(folder: Path) -> None:
    change(folder / "config.json", id2label=dict(enumerate((*NAMES, "contempt"))))


def no_preprocessor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-500])


def half_the_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {name: w for name, w in load_file(path).items() if "classifier" not in name}
    save_file(weights, path, {"format": "pt"})


def a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": Path("anything")}, folder / "pytorch_model.bin")


def of_another_kind(folder: Path) -> None:
    change(folder / "config.json", model_type="nothing", auto_map={"AutoModel": "code.Net"})


def five_channels(folder: Path) -> None:
    change(folder / "config.json", num_channels=5)


def two_means(folder: Path) -> None:
    change(folder / "preprocessor_config.json", image_mean=[0.5, 0.5])


def no_deviation(folder: Path) -> None:
    change(folder / "preprocessor_config.json", image_std=[0, 0, 0])


def all_black(folder: Path) -> None:
    change(folder / "preprocessor_config.json", rescale_factor=0)


def a_mean_in_words(folder: Path) -> None:
    change(folder / "preprocessor_config.json", image_mean="half")


def another_size_rule(folder: Path) -> None:
    change(folder / "preprocessor_config.json", size={"longest_edge": 32})


def padded(folder: Path) -> None:
    change(folder / "preprocessor_config.json", do_pad=True)


def endless_size(folder: Path) -> None:
    change(folder / "preprocessor_config.json", size={"shortest_edge": 32}, crop_pct=1e-320)


def hamming(folder: Path) -> None:
    change(folder / "preprocessor_config.json", resample=5)


def normalised_twice(folder: Path) -> None:
    transformers.EfficientNetImageProcessor(
        size={"height": 32, "width": 32}, include_top=True, image_std=[0.2, 0.2, 0.2]
    ).save_pretrained(folder)


def only_classes_beside(folder: Path) -> None:
    normalised_twice(folder)
    Path(f"{folder}.contract.json").write_text(json.dumps({"classes": FER7.classes}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_weights, "expected a folder with weights, model.safetensors or pytorch_model.bin"),
        (cats, "must name emotions of faces, such as happy or sadness; got tabby, siamese"),
        (a_slip, "got 'hapy'. Did you mean 'happy'"),
        (no_names, "must name emotions of faces, such as happy or sadness; got LABEL_0, LABEL_1"),
        (eight_names, "classifier.bias is (7,), by config.json (8,). Correct id2label"),
        (five_channels, "`num_channels` must be 1 or 3; got 5"),
        (two_means, "`mean` must be one value or one per channel (3). Received: (0.5, 0.5)"),
        (no_deviation, "`std` must be above 0"),
        (all_black, "`low` and `high` must differ"),
        (a_mean_in_words, "`image_mean` must be numbers; got 'half'"),
        (another_size_rule, "it lacks `height`. Write them in"),
        (no_preprocessor, "no preprocessor_config.json says scaling. Copy it beside"),
        (cut_weights, "with an image classifier and its weights, got SafetensorError: Error"),
        (half_the_weights, "2 are missing, such as classifier.bias, and would be random"),
        (a_pickle, "pytorch_model.bin is a pickle of Python objects, which runs code"),
        (of_another_kind, "with an image classifier and its weights, got The checkpoint you are"),
        (padded, "`do_pad` is on, which no contract can say"),
        (endless_size, "OverflowError: cannot convert float infinity to integer. Write them in"),
        (hamming, "`resample` must be one of 0 (nearest), 1 (lanczos_antialias)"),
        (normalised_twice, "its preprocessor makes other pixels of a face than the contract"),
        (only_classes_beside, "its preprocessor makes other pixels of a face than the contract"),
    ],
)
def test_bad_folders_are_one_line(folder: Path, damage: Any, words: str) -> None:
    damage(folder)
    with pytest.raises(InputError) as caught:
        zoo.load(str(folder))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def cached(vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `someone/vit-face` in a local cache, whose hub cannot be reached."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    commit = "c" * 40
    folder = tmp_path / "models--someone--vit-face"
    shutil.copytree(vit, folder / "snapshots" / commit)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    return folder / "snapshots" / commit


def test_the_hub_is_asked_only_for_what_its_cache_lacks(cached: Path, vit: Path) -> None:
    name = "hf:someone/vit-face"
    assert is_hugging_face(name) and zoo.resolve(name) == [name]
    classifier = zoo.load(name)
    assert classifier.id == "vit-face"
    images = grey(3, 48).astype(np.float32) / 255
    np.testing.assert_array_equal(classifier.logits(images), zoo.load(str(vit)).logits(images))


@pytest.mark.parametrize("offline", [True, False])
def test_a_model_that_neither_cache_nor_network_has_is_refused(
    offline: bool, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(InputError) as caught:
        zoo.load("hf:someone/other")
    assert str(caught.value) == (
        "hf:someone/other: expected a model in the local cache or on the hub; it is not in the "
        "cache, and the hub cannot be reached. Check name and network, or give a folder."
    )


def test_a_cache_without_weights_is_completed_or_refused(cached: Path) -> None:
    """Another program may have read the configuration alone."""
    (cached / "model.safetensors").unlink()
    with pytest.raises(InputError, match="hf:someone/vit-face: expected a folder with weights"):
        zoo.load("hf:someone/vit-face")


def test_other_errors_of_the_cache_are_quoted(
    cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"hf:a/b/c: expected .*; Repo id must be .*: 'a/b/c'"):
        folder_of("hf:a/b/c")
    asked = []

    def fails(repository: str, **options: object) -> str:
        asked.append(repository)
        raise PermissionError("the cache cannot be read")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    with pytest.raises(InputError, match="PermissionError: the cache cannot be read"):
        folder_of("hf:someone/vit-face")
    assert len(asked) == 1, "the hub is not asked where the cache is broken"
