"""The full ensemble: no weaker than any of its parts, and what is broken early costs little."""

import numpy as np
import pytest

from attacks.apgd import APGD, TargetedAPGD
from attacks.base import Keys
from attacks.ensembles.full import FullEnsemble
from attacks.fmn import FMN
from attacks.square import Square
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from tests.attacks import tiny

EPS = {Norm.LINF: 0.012, Norm.L2: 0.08}


@pytest.mark.parametrize("norm", list(EPS))
def test_it_breaks_what_any_part_breaks(norm):
    classifier, images = tiny.conv(7), tiny.images(40)
    labels, keys = classifier.predict(images), Keys(0, np.arange(40))
    parts = [
        APGD(norm=norm, eps=EPS[norm], steps=4),
        TargetedAPGD(norm=norm, eps=EPS[norm], steps=3),
        FMN(norm=norm, eps=EPS[norm], steps=6),
        Square(norm=norm, eps=EPS[norm], queries=20),
    ]
    found = [part(classifier, images, labels, keys).success for part in parts]
    ensemble = FullEnsemble(
        norm=norm, eps=EPS[norm], steps=4, targeted_steps=3, minimal_steps=6, queries=20
    )
    together = ensemble(classifier, images, labels, keys)
    assert 0 < found[0].sum() < 40  # some images are left to the other parts
    np.testing.assert_array_equal(together.success, np.any(found, axis=0))
    # steps of every part for what stands: 4 + 6 targets x 3 + 6 gradients; Square needs none
    assert (together.cost.backward[~together.success] == 4 + 18 + 6).all()
    assert (together.cost.backward[found[0]] <= 4).all()
    assert (together.cost.forward[~together.success] > 28 + 20).all()


def test_under_l1_only_the_climbs_attack():
    classifier, images = tiny.conv(7), tiny.images(20)
    labels, keys = classifier.predict(images), Keys(0, np.arange(20))
    ensemble = FullEnsemble(norm=Norm.L1, eps=0.1, steps=4, targeted_steps=3, minimal_steps=6)
    result = ensemble(classifier, images, labels, keys)
    assert (~result.success).any()
    assert (result.cost.backward[~result.success] == 4 + 18).all()


@pytest.mark.parametrize("option", ["steps", "targeted_steps", "minimal_steps", "queries"])
def test_wrong_options_are_refused(option):
    with pytest.raises(InputError, match="must be at least 1; got 0"):
        FullEnsemble(norm=Norm.LINF, eps=0.1, **{option: 0})
