import json

import numpy as np
import pytest

import attacks.sets.spec
from attacks.registry import ATTACKS, attack_spec, corruption_spec, make_attack
from attacks.sets.spec import AttackSpec, CorruptionSpec, spec_from_json
from attacks.threat_model import Norm
from datasets.base.errors import InputError

LABELS = np.array([0, 1, 2])
PGD = attack_spec("pgd", Norm.LINF, (1 / 255, 4 / 255), "fer", seed=3, steps=5)


def test_specs_hold_every_option():
    assert PGD.options == {
        "steps": 5,
        "restarts": 1,
        "step_size": 1.0,
        "loss": "scaled_cross_entropy",
    }
    assert PGD.grid == (1 / 255, 4 / 255) and isinstance(PGD, AttackSpec)
    assert isinstance(corruption_spec("jpeg", (1, 3)), CorruptionSpec)


@pytest.mark.parametrize("spec", [PGD, corruption_spec("jpeg", (1, 5), seed=2)])
def test_specs_survive_json(spec):
    again = spec_from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    if isinstance(spec, AttackSpec):
        assert again.key("f", LABELS, "w") == spec.key("f", LABELS, "w")
        assert make_attack(again.perturbation, again.norm, 0.1, again.options) == make_attack(
            "pgd", Norm.LINF, 0.1, {"steps": 5}
        )


def test_the_key_knows_everything_that_matters(monkeypatch):
    def spec(**changes):
        given = {"name": "pgd", "norm": Norm.LINF, "grid": (0.1, 0.2), "attacked_labels": "fer"}
        given |= changes
        places = [given.pop(name) for name in ("name", "norm", "grid", "attacked_labels")]
        return attack_spec(*places, **given)

    keys = {
        spec().key("f", LABELS, "w"),
        spec(name="fgsm").key("f", LABELS, "w"),
        spec(norm=Norm.L2).key("f", LABELS, "w"),
        spec(grid=(0.1,)).key("f", LABELS, "w"),
        spec(attacked_labels="ferplus").key("f", LABELS, "w"),
        spec(seed=1).key("f", LABELS, "w"),
        spec(steps=11).key("f", LABELS, "w"),
        spec().key("g", LABELS, "w"),
        spec().key("f", LABELS + 1, "w"),
        spec().key("f", LABELS, "v"),
    }
    assert len(keys) == 10
    assert spec().key("f", LABELS, "w") in keys
    monkeypatch.setattr(attacks.sets.spec, "CODE_VERSION", attacks.sets.spec.CODE_VERSION + 1)
    assert spec().key("f", LABELS, "w") not in keys


def test_corruptions_are_made_once_for_all_models():
    spec = corruption_spec("jpeg", (1,))
    assert spec.key("f") == corruption_spec("jpeg", (1,)).key("f")
    with pytest.raises(TypeError, match="positional"):
        spec.key("f", LABELS, "w")
    with pytest.raises(TypeError, match="labels"):
        PGD.key("f")


def test_keys_change_with_the_code_version_only(monkeypatch):
    """Keys computed when attacks and corruptions still shared one class, at code version 4."""
    monkeypatch.setattr(attacks.sets.spec, "CODE_VERSION", 4)
    smoothing = CorruptionSpec(
        perturbation="smoothing 0.25", grid=(0.25,), options={"draws": 10}, seed=1
    )
    assert {
        PGD.key("f", LABELS, "w"): "an attack",
        PGD.key("f", LABELS, "w", transfer_set=True): "a transfer set",
        corruption_spec("fog", (1, 5), seed=2).key("f"): "a corruption",
        smoothing.key("f"): "certificates",
    } == {
        "d2a29457f0a3723b68dc8f24c723dcdb834b9e073debb81dd1530827062f95df": "an attack",
        "1b6e919777c9aaf406a3f4033c045e4e9e11b2044b1b3c3c2e7d5bbba85d9ddd": "a transfer set",
        "6d405e25a18c73171c64132808614959f3fc3f63e4b62fb5856a246167828934": "a corruption",
        "026b9d2aaad59bdced907c56fd14f82cfb5d220d2b5deee94fe0109a9355cdd3": "certificates",
    }


def test_sets_of_a_corruption_that_changed_alone_are_made_anew(monkeypatch):
    jpeg, fog = (corruption_spec(name, (1, 5), seed=2) for name in ("jpeg", "fog"))
    before = jpeg.key("f"), fog.key("f")
    monkeypatch.setitem(attacks.sets.spec._REMADE, "jpeg", 1)
    assert jpeg.key("f") != before[0]
    assert fog.key("f") == before[1]


@pytest.mark.parametrize("spec", [PGD, corruption_spec("jpeg", (1, 5), seed=2)])
def test_manifests_hold_the_same_fields_for_both(spec):
    fields = ["perturbation", "norm", "grid", "options", "attacked_labels", "seed"]
    assert list(spec.to_json()) == fields


@pytest.mark.parametrize("grid", [(), (0.2, 0.1), (0.1, 0.1)])
def test_the_grid_must_ascend(grid):
    with pytest.raises(InputError, match="the grid must be ascending"):
        attack_spec("pgd", Norm.LINF, grid, "fer")


def test_unknown_names_and_options_are_refused():
    with pytest.raises(InputError, match=rf"no attack 'x'; choose one of {', '.join(ATTACKS)}"):
        attack_spec("x", Norm.LINF, (0.1,), "fer")
    with pytest.raises(InputError, match="fgsm has no option 'steps'; it has loss"):
        attack_spec("fgsm", Norm.LINF, (0.1,), "fer", steps=3)
    with pytest.raises(InputError, match="no corruption 'x'"):
        corruption_spec("x", (1,))
    with pytest.raises(InputError, match="`severity` must be"):
        corruption_spec("jpeg", (1, 7))
    with pytest.raises(InputError, match="`seed` must be at least 0; got -1"):
        corruption_spec("jpeg", (1,), seed=-1)


def test_an_attack_without_labels_is_no_spec():
    with pytest.raises(ValueError, match="`attacked_labels` must name a label set"):
        attack_spec("pgd", Norm.LINF, (0.1,), "")


def test_options_may_be_named_like_places():
    assert attack_spec("spatial", Norm.LINF, (1.0,), "fer", grid=3).options["grid"] == 3
