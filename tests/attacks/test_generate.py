"""The command: what it writes, and how it refuses bad input."""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks import generate
from attacks.options import option_table, read_options
from attacks.registry import ATTACKS
from attacks.sets.store import open_set
from attacks.sets.sweep import SetPlan
from datasets import folders
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.folders import png_of, write_folders
from datasets.labels import FER7, LabelScheme, LabelSet
from datasets.read import load
from fer_models import zoo
from fer_models.classifier import Classifier, ModelError
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from fer_models.services.answer_cache import FILE
from fer_models.services.classifier import load_service
from tests.attacks import tiny
from tests.fer_models.services.server import serving, write_service

ROOT = Path(__file__).parents[2]
OWN = LabelScheme("own", tuple("abcdefg"))


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """A folder of 30 faces, and a tiny net that the zoo knows as `tiny.fer`."""
    model = tiny.conv(7).model
    classifier = wrap(model, Contract(8, 8, 1, FER7), model_id="tiny.fer")
    monkeypatch.setattr(zoo, "_resolve_one", lambda name, known: [name])
    monkeypatch.setattr(zoo, "load", lambda model: classifier)
    pixels = np.rint(tiny.images(30) * 255).astype(np.uint8)
    labels = classifier.predict(pixels.astype(np.float32) / np.float32(255))
    labels[:3] = (labels[:3] + 1) % 7
    folder = tmp_path / "faces"
    write_folders(pixels, labels, FER7, np.arange(10, 40), Split.PUBLIC_TEST, folder)
    return folder


def make(faces, out, **options):
    generate.main(generate.GenerateRequest(data=faces, models="tiny.fer", out=out, **options))


def test_it_writes_arrays_images_and_flags(faces, tmp_path, capsys):
    out = tmp_path / "out"
    make(faces, out, eps="1/255,4/255", steps=4, limit=25)
    folder = out / "tiny.fer-fer-pgd-linf"
    made, flags = open_set(folder), pd.read_csv(folder / "success.csv")
    np.testing.assert_array_equal(flags["row"], made.row_ids)
    np.testing.assert_array_equal(flags["smallest_eps"], made.smallest_eps)
    np.testing.assert_array_equal(flags["wrong at 4/255"], made.success[:, 1])
    assert made.header.spec.options["steps"] == 4 and len(made.row_ids) == 25

    clean = load(faces, Split.PUBLIC_TEST, progress=False)
    attacked = load(folder / "eps-4-255", Split.PUBLIC_TEST, progress=False)
    assert set(attacked.row_ids) == set(made.row_ids)
    same_rows = clean.take(np.isin(clean.row_ids, attacked.row_ids))
    np.testing.assert_array_equal(same_rows.fer, attacked.fer)
    difference = np.abs(same_rows.images.astype(int) - attacked.images).max(axis=(1, 2, 3))
    assert difference.max() <= 4
    wrong = zoo.load("").predict(attacked.images.astype(np.float32) / 255) != attacked.fer
    after = flags.set_index("row")["wrong at 4/255 after 8 bits"].loc[attacked.row_ids]
    np.testing.assert_array_equal(after, wrong)
    lines = capsys.readouterr().out.splitlines()
    right = int((made.smallest_eps != 0).sum())
    assert len(lines) == 2
    assert (
        lines[1].startswith("tiny.fer fer: pgd linf 4/255: ") and f"of {right} broken" in lines[1]
    )


def test_the_same_command_goes_on(faces, tmp_path, capsys):
    make(faces, tmp_path / "out", attack="noise")
    make(faces, tmp_path / "out", attack="noise")
    assert "1 of 1 chunks reused" in capsys.readouterr().out
    with pytest.raises(InputError, match="holds a set of other data"):
        make(faces, tmp_path / "out", attack="noise", seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": "8"}, r"did you mean 8/255\?"),
        ({"eps": "-1/255"}, "must be finite and not negative"),
        ({"eps": "4/255,x"}, "must be a number or a fraction; got 'x'"),
        ({"eps": "4/255,2/255"}, "the grid must be ascending"),
        ({"norm": "l3"}, "`norm` must be one of linf, l2, l1"),
        ({"norm": "l1"}, "`norm` must be linf or l2 for pgd"),
        ({"attack": "nothing"}, "no attack 'nothing'; choose one of fgsm, pgd"),
        ({"attack": "fgsm", "steps": 3}, "fgsm has no option 'steps'"),
        ({"loss": "hinge"}, "`loss` must be 'cross_entropy', .* got hinge"),
        ({"attack": "apgd_t", "targets": 0}, "`targets` must be at least 1"),
        ({"attack": "apgd_t", "target": "happy"}, "apgd_t has no option 'target'"),
        ({"option": ["steps=4"], "steps": 3}, "`steps` is given twice"),
        ({"option": ["step_size"]}, "written NAME=VALUE"),
        ({"option": ["steps=none"]}, "`steps` must be a whole number; got none"),
        ({"option": ["step_size=fast"]}, "`step_size` must be a number; got fast"),
        ({"sources": "tiny.fer"}, "--sources is for --attack transfer; got pgd"),
        ({"attack": "transfer", "sources": ","}, "--sources must name at least one .*; got ','"),
        ({"attack": "universal", "target": "smile"}, "--target must be a class of tiny.fer: angry"),
        ({"steps": 0}, "`steps` must be at least 1"),
        (
            {"labels": LabelSet.FERPLUS},
            "has no ferplus labels. Give --votes FILE, or --labels fer",
        ),
    ],
)
def test_bad_input_gets_one_line(faces, tmp_path, options, message):
    with pytest.raises(InputError, match=message) as error:
        make(faces, tmp_path / "out", **options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_any_setting_may_be_given(faces, tmp_path):
    options = ["step_size=0.5", "steps = 3"]
    make(faces, tmp_path, option=options, restarts=2, loss="dlr", eps="1/255")
    found = open_set(tmp_path / "tiny.fer-fer-pgd-linf").header.spec.options
    assert found == {"loss": "dlr", "steps": 3, "restarts": 2, "step_size": 0.5}


def test_a_black_box_is_fooled_through_other_models(faces, tmp_path, monkeypatch):
    inside = zoo.load("tiny.fer")

    class Box(Classifier):
        id, weights_sha256, scheme = "box.onnx", "0", FER7

        def _batch_logits(self, images):
            return inside._batch_logits(images)

    monkeypatch.setattr(zoo, "load", lambda model: Box() if model == "box.onnx" else inside)
    arguments = {"data": faces, "models": "box.onnx", "attack": "transfer", "eps": "16/255"}
    generate.main(generate.GenerateRequest(**arguments, sources="tiny.fer", out=tmp_path / "out"))
    made = open_set(tmp_path / "out" / "box.onnx-fer-transfer-linf")
    assert made.header.source == "tiny.fer" and (made.smallest_eps > 0).any()
    with pytest.raises(InputError, match="--sources must give gradients; box"):
        generate.main(
            generate.GenerateRequest(**arguments, sources="box.onnx", out=tmp_path / "other")
        )
    ten = wrap(inside.model, Contract(8, 8, 1, OWN), model_id="own.keras")
    with monkeypatch.context() as own:
        own.setattr(zoo, "load", lambda model: Box() if model == "box.onnx" else ten)
        with pytest.raises(InputError, match="must be emotions of fer or ferplus to be a sou"):
            generate.main(
                generate.GenerateRequest(**arguments, sources="tiny.fer", out=tmp_path / "other")
            )
    with pytest.raises(InputError, match=r"transfer needs gradients and box.onnx has none"):
        generate.main(generate.GenerateRequest(**arguments, out=tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_a_model_that_cannot_be_attacked_keeps_no_other_from_it(
    faces, tmp_path, monkeypatch, capsys
):
    good = zoo.load("tiny.fer")
    bad = wrap(good.model, Contract(8, 8, 1, FER7), model_id="bad.fer")
    bad._batch_logits = lambda images: np.full((len(images), 7), np.nan, np.float32)
    monkeypatch.setattr(zoo, "resolve", lambda models: models.split(","))
    monkeypatch.setattr(zoo, "load", {"bad.fer": bad, "tiny.fer": good}.__getitem__)
    request = generate.GenerateRequest(
        data=faces, models="bad.fer,tiny.fer", out=tmp_path, steps=2, limit=3
    )
    assert generate.main(request) == 1  # a part failed, the rest is done: no wrong input
    assert open_set(tmp_path / "tiny.fer-fer-pgd-linf")
    assert not [*tmp_path.glob("bad.fer*")]
    said = capsys.readouterr().err
    assert "no set of bad.fer" in said and "NaN" in said
    assert "1 of 2 models have no set: bad.fer\n" in said
    assert generate.main(replace(request, models="tiny.fer")) == 0
    with pytest.raises(ModelError, match="NaN"):  # a single model's own error
        generate.main(replace(request, models="bad.fer"))


def test_a_full_disk_ends_the_command_and_the_same_one_continues(faces, tmp_path, monkeypatch):
    net, asked, keep = zoo.load("tiny.fer"), [], SetPlan.keep
    monkeypatch.setattr(zoo, "resolve", lambda models: models.split(","))
    monkeypatch.setattr(zoo, "load", lambda model: asked.append(model) or net)

    def full(plan, index, arrays):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "chunk-00000.npz")

    request = generate.GenerateRequest(data=faces, models="a,b", out=tmp_path, steps=2, limit=3)
    monkeypatch.setattr(SetPlan, "keep", full)
    with pytest.raises(OSError, match="No space left on device"):
        generate.main(request)
    assert asked == ["a"]
    monkeypatch.setattr(SetPlan, "keep", keep)
    generate.main(request)
    assert asked == ["a", "a", "b"]


def test_images_of_an_eps_are_there_all_or_not_at_all(faces, tmp_path, monkeypatch):
    written = []

    def stopped(image):
        written.append(1)
        if len(written) == 4:
            raise KeyboardInterrupt
        return png_of(image)

    monkeypatch.setattr(folders, "png_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        make(faces, tmp_path / "out", attack="noise")
    folder = tmp_path / "out" / "tiny.fer-fer-noise-linf"
    assert not [*folder.glob("eps-*")] and not [*folder.rglob("*.png")]
    make(faces, tmp_path / "out", attack="noise")
    assert len([*folder.glob("eps-4-255/PublicTest/*/*.png")]) == 30


def test_faces_are_named_by_their_files(faces, tmp_path):
    make(faces, tmp_path / "out", attack="noise")
    flags = pd.read_csv(tmp_path / "out" / "tiny.fer-fer-noise-linf" / "success.csv")
    named = [f"PublicTest/{f.label}/{f.row}.png" for f in flags.itertuples()]
    assert list(flags.columns[:3]) == ["row", "file", "label"]
    assert flags.file.tolist() == named and all((faces / name).exists() for name in named)


def test_faces_with_contempt_are_attacked_under_ferplus_labels(faces, tmp_path):
    (faces / "PublicTest" / "contempt").mkdir()
    next(faces.glob("PublicTest/*/*.png")).rename(faces / "PublicTest/contempt/99.png")
    with pytest.raises(InputError, match=r"faces has no fer labels\. Give --labels ferplus\."):
        make(faces, tmp_path / "out")


def test_trainings_of_one_architecture_are_told_apart_by_folder(
    faces, tmp_path, monkeypatch, capsys
):
    """All of them are called tiny.fer in their cards."""
    net = zoo.load("tiny.fer").model
    places = [tmp_path / name for name in ("one", "two", "deeper/one")]
    for place in places:
        place.mkdir(parents=True)
        (place / "card.json").touch()
    contract = Contract(8, 8, 1, FER7)
    monkeypatch.setattr(
        zoo,
        "load",
        lambda model: wrap(net, contract, model_id="tiny.fer", weights_sha256=f"of {model}"),
    )
    named = ",".join(map(str, places))
    request = generate.GenerateRequest(
        data=faces, models=named, out=tmp_path / "out", attack="noise", limit=3
    )
    assert generate.main(request) == 1
    said = capsys.readouterr().err
    assert "deeper/one: its set would have the name of" in said and "1 of 3 models" in said
    found = {path.parent.name for path in (tmp_path / "out").glob("*/manifest.json")}
    assert found == {"one-fer-noise-linf", "two-fer-noise-linf"}


def test_other_classes_have_no_labels_to_attack(faces, tmp_path, monkeypatch):
    net = tiny.conv(7)
    monkeypatch.setattr(zoo, "load", lambda model: net)
    with pytest.raises(InputError, match="must be emotions of fer or ferplus to be attacked"):
        make(faces, tmp_path / "out")


def test_every_attack_is_listed_with_its_settings():
    lines = option_table()
    assert [line.split()[0] for line in lines] == list(ATTACKS)
    (apgd_t,) = [line for line in lines if line.startswith("apgd_t ")]
    assert "linf,l2,l1" in apgd_t and "targets=9" in apgd_t and "loss=dlr" in apgd_t


def test_a_target_may_be_none():
    assert read_options("universal", ["target=none"]) == {"target": None}
    assert read_options("universal", ["target=3"]) == {"target": 3}
    with pytest.raises(InputError, match="`target` must be a whole number; got happy"):
        read_options("universal", ["target=happy"])


def run(*arguments):
    command = [sys.executable, "-m", "attacks.generate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_command_line_answers_fast_and_in_one_line(tmp_path):
    start = time.perf_counter()
    assert run("--help").returncode == 0
    assert time.perf_counter() - start < 5  # under 0.5 s on a quiet machine
    bad = ["--data", str(tmp_path), "--models", "all", "--out", str(tmp_path), "--eps", "8"]
    result = run(*bad)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: `eps` must be in [0, 1] for linf; got 8.")


def test_a_service_is_asked_about_no_image_twice_by_a_second_command(faces, tmp_path, monkeypatch):
    net = zoo.load("tiny.fer")

    def answer(images):
        levels = np.stack(images).astype(np.float32) / np.float32(255)
        return {"scores": net.logits(levels)[0].tolist()}

    with serving(answer) as server:
        path = write_service(tmp_path, server, output="logits", classes=FER7.classes)
        monkeypatch.setattr(zoo, "load", lambda model: load_service(str(path)))
        for _ in range(2):
            before = server.seen.copy()
            make(faces, tmp_path / "out", attack="square", eps="0.1", queries=3, limit=12)
    again = server.seen - before
    # is it still the same service, and does it answer an image twice alike?
    assert len(again) == 8 and set(again.values()) == {2}
    assert (tmp_path / "out" / FILE).exists()
