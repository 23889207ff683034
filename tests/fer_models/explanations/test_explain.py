"""Grad-CAM finds the part of the image that decides; grids show every map."""

import os
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.labels import LabelScheme
from datasets.read import load as load_faces
from fer_models import zoo
from fer_models.contract import Contract
from fer_models.explain import main
from fer_models.explanations.feature_maps import (
    activation_grid,
    default_layer,
    grad_cam,
    map_layers,
    overlay,
    stage_layers,
)
from fer_models.keras_classifier import KerasClassifier, wrap

SIZE = 16
SINGLE = [name for name in zoo.model_ids() if not name.startswith("mean_of_nets")]
"""Shipped models but means of nets, which have no layers of their own."""


def striped_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one striped patch anywhere: vertical stripes are class 0, horizontal class 1."""
    rng = np.random.default_rng(seed)
    images = 0.5 + 0.05 * rng.standard_normal((count, SIZE, SIZE, 1))
    labels = np.arange(count) % 2
    stripes = np.where(np.arange(5) % 2, 0.9, 0.1)
    for image, label in zip(images, labels):
        top, left = rng.integers(0, SIZE - 5, 2)
        patch = stripes[None, :] if label == 0 else stripes[:, None]
        image[top : top + 5, left : left + 5, 0] = patch
    return np.clip(images, 0, 1).astype(np.float32), labels


@pytest.fixture(scope="module")
def trained() -> KerasClassifier:
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(2, -1)(images)
    x = keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="first")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, jit_compile=False)
    model.fit(*striped_images(128, 0), batch_size=16, epochs=8, verbose=0)
    return wrap(model, Contract(SIZE, SIZE, 1, LabelScheme("s", ("vertical", "horizontal"))))


def hidden(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    covered = images.copy()
    for image, row, column in zip(covered, rows, columns):
        image[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = 0.5
    return covered


def test_hiding_the_top_region_moves_the_logit_more_than_a_random_one(
    trained: KerasClassifier,
) -> None:
    images, labels = striped_images(40, 1)
    assert (trained.predict(images) == labels).mean() > 0.9
    heat = grad_cam(trained, images, labels)
    top = np.unravel_index(heat.reshape(40, -1).argmax(axis=1), (SIZE, SIZE))
    anywhere = np.random.default_rng(2).integers(0, SIZE, (2, 40))
    rows = np.arange(40)
    before = trained.logits(images)[rows, labels]
    by_top = before - trained.logits(hidden(images, *top))[rows, labels]
    by_chance = before - trained.logits(hidden(images, *anywhere))[rows, labels]
    assert by_top.mean() > 2 * max(0, by_chance.mean())
    assert (by_top > by_chance).mean() > 0.7


def test_maps_are_like_their_images(trained: KerasClassifier) -> None:
    images, _ = striped_images(3, 3)
    heat = grad_cam(trained, images)
    assert heat.shape == (3, SIZE, SIZE)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    np.testing.assert_allclose(heat.max(axis=(1, 2)), 1, atol=1e-6)
    picture = overlay(images[0], heat[0])
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    still = overlay(images[0], np.zeros((SIZE, SIZE), np.float32))
    np.testing.assert_array_equal(still[..., 0], np.round(255 * images[0, ..., 0]))


def test_weights_are_the_mean_gradient(trained: KerasClassifier) -> None:
    # Behind global average pooling the gradient of logit k to every place of map f is
    # kernel[f, k] / (h w), so Grad-CAM is the class activation map relu(sum_f kernel A).
    images, labels = striped_images(2, 4)
    features = keras.Model(trained.model.inputs[0], trained.model.get_layer("second").output)
    kernel = np.asarray(trained.model.layers[-1].kernel)
    expected = np.maximum(np.einsum("nhwf,fn->nhw", features(images), kernel[:, labels]), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(grad_cam(trained, images, labels, "second"), expected, atol=1e-4)


def test_grid_shows_every_map(trained: KerasClassifier) -> None:
    images, _ = striped_images(1, 5)
    grid = activation_grid(trained, images[0], "first", columns=3)
    assert grid.shape == (3 * 17 - 1, 3 * 17 - 1)  # 8 maps of 16x16 in 3 rows, 1 pixel between
    assert np.isnan(grid[34:, 34:]).all()  # the ninth place stays empty
    assert np.nanmin(grid) == 0
    assert np.nanmax(grid) == 1


def test_layers_without_maps_are_refused(trained: KerasClassifier) -> None:
    assert map_layers(trained)[1:] == ["first", "second"]
    assert default_layer(trained) == "second"
    with pytest.raises(ValueError, match=r"`layer` must be one of .*first, second"):
        grad_cam(trained, striped_images(1, 0)[0], layer="dense")


def test_stages_are_the_last_layers_of_each_size() -> None:
    images = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", name="a")(images)
    x = keras.layers.Conv2D(2, 3, padding="same", name="b")(x)
    x = keras.layers.MaxPooling2D(2, name="c")(x)
    x = keras.layers.Conv2D(2, 3, padding="same", name="d")(x)
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    net = wrap(keras.Model(images, outputs), Contract(16, 16, 1, LabelScheme("s", ("x", "y"))))
    assert stage_layers(net) == ["b", "d"]
    assert default_layer(net) == "d"
    x = keras.layers.MaxPooling2D(2, name="coarse")(x)
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    deeper = wrap(keras.Model(images, outputs), net.contract)
    assert default_layer(deeper) == "d"  # 8x8; the last one is 4x4


@pytest.fixture
def photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: KerasClassifier) -> Path:
    """A striped image; every model id is the trained net."""
    monkeypatch.setattr(zoo, "load", lambda _: trained)
    monkeypatch.setattr(zoo, "describe", lambda _: None)
    image = np.uint8(255 * striped_images(1, 6)[0][0])
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.repeat(image, 3, axis=2)).save(folder / "face.png")
    return folder / "face.png"


def test_the_command_draws(photograph: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main("net", photograph, out, whole=True, grids="first,second") == 0
    names = ("gradcam", "first", "second")
    assert {file.name for file in out.iterdir()} == {f"face.png-face1-{n}.png" for n in names}
    with Image.open(out / "face.png-face1-first.png") as grid:
        # 8 maps of 16 x 16 as 3 x 3: 50 wide with the gaps, enlarged 18 times to reach 900
        assert grid.size == (900, 900)
        pixels = np.asarray(grid.convert("RGB"))
    assert (pixels[-18 * 16 :, -18 * 16 :] == 255).all()  # the ninth place is empty
    assert len(np.unique(pixels[: 18 * 16, : 18 * 16].reshape(-1, 3), axis=0)) > 10


def test_a_folder_goes_on(
    photograph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photograph.parent / "broken.png").write_text("no picture")
    assert main("net", photograph.parent, tmp_path / "out", whole=True, grids="none") == 1
    assert "broken.png: expected a whole photograph" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grids": "first,dense"}, r"a layer must be one of .*first, second; got 'dense'"),
        ({"layer": "third"}, "a layer must be one of .*got 'third'"),
        ({"layer": "none"}, "a layer must be one of .*got 'none'"),
        ({"layer": "first,second"}, "a layer must be one of .*got 'first,second'"),
        ({"whole": False}, "haar finds no face. Try another .* or --whole if it is a cropped"),
    ],
)
def test_what_cannot_be_explained(
    photograph: Path, tmp_path: Path, options: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        main("net", photograph, tmp_path, **{"whole": True, **options})


def test_a_net_without_maps_is_refused(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = keras.Input((16, 16, 1))
    flat = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(images)))
    images = keras.Input((None, None, 1))
    maps = keras.layers.Conv2D(2, 3)(images)
    sizeless = keras.Model(images, keras.layers.GlobalAveragePooling2D()(maps))
    for model in (flat, sizeless):
        net = wrap(model, Contract(16, 16, 1, LabelScheme("s", ("x", "y"))))
        monkeypatch.setattr(zoo, "load", lambda _, net=net: net)
        with pytest.raises(
            InputError, match=r"of a fixed size, .*\(those of TorchScript cannot\); got"
        ):
            main("net", photograph, tmp_path, whole=True)


def blurred(images: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Faces without the detail of a region, bool (N, H, W)."""
    smooth = np.array([cv2.GaussianBlur(image, (0, 0), 8)[..., None] for image in images])
    return np.where(where[..., None], smooth, images)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DEADPAN_DATA"), reason="needs FER2013")
@pytest.mark.parametrize("model", SINGLE)
def test_shipped_nets_look_where_their_maps_say(model: str) -> None:
    net = zoo.load(model)
    if not isinstance(net, KerasClassifier):
        pytest.skip("a black box has no maps")
    faces = load_faces(os.environ["DEADPAN_DATA"], Split.PUBLIC_TEST, progress=False).limit(64, 0)
    images, rows = faces.images.astype(np.float32) / 255, np.arange(64)
    classes = net.predict(images)
    before = net.logits(images)[rows, classes]

    def fall(where: np.ndarray) -> float:
        return float((before - net.logits(blurred(images, where))[rows, classes]).mean())

    maps = grad_cam(net, images, classes)
    tops = maps >= np.quantile(maps, 0.9, axis=(1, 2), keepdims=True)
    draws = np.random.default_rng(1).integers(0, 48, (3, 64, 2))
    moved = [np.array([np.roll(t, d, (0, 1)) for t, d in zip(tops, ds)]) for ds in draws]
    assert fall(tops) > np.mean([fall(elsewhere) for elsewhere in moved])
