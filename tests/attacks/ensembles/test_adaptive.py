"""The ensemble: as strong as the full one for a fraction of the passes, by any gradients."""

import numpy as np
import pytest
from keras import ops

from attacks.apgd import APGD
from attacks.base import AttackResult, Keys
from attacks.broken import leads
from attacks.ensembles import adaptive
from attacks.ensembles.adaptive import CLOSE, HALF_WAY, NOWHERE, Ensemble
from attacks.ensembles.chosen_targets import ChosenTargetsAPGD
from attacks.ensembles.foretelling import foretelling
from attacks.ensembles.full import FullEnsemble
from attacks.square import Square
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from tests.attacks import tiny

COUNT = 60
EPS = {Norm.LINF: 0.012, Norm.L2: 0.08, Norm.L1: 0.12}
BUDGET = {"steps": 20, "targeted_steps": 20, "minimal_steps": 10, "queries": 240}
AUTO_ATTACK = 7800, 1960
"""Passes forward and back that AutoAttack spends on an image that stays robust, with 10 classes."""


def setting(classifier=None):
    classifier, images = classifier or tiny.conv(7), tiny.images(COUNT)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(COUNT))


@pytest.mark.parametrize("norm", list(EPS))
def test_it_breaks_what_the_full_ensemble_breaks_for_less(norm):
    classifier, images, labels, keys = setting()
    full = FullEnsemble(norm=norm, eps=EPS[norm], **BUDGET)(classifier, images, labels, keys)
    less = Ensemble(norm=norm, eps=EPS[norm], **BUDGET)(classifier, images, labels, keys)
    assert 10 < full.success.sum() < COUNT - 5
    assert not (full.cost.by_answers.any() or less.cost.by_answers.any())  # gradients did
    assert not (full.success & ~less.success).any()
    kept = ~less.success
    assert np.median(less.cost.backward[kept]) < 0.75 * full.cost.backward[kept].mean()
    if norm is not Norm.L1:
        assert np.median(less.cost.forward[kept]) < 0.4 * full.cost.forward[kept].mean()


def test_images_that_come_close_to_a_boundary_get_longer_climbs():
    classifier, images, labels, keys = setting()
    attack = Ensemble(norm=Norm.LINF, eps=EPS[Norm.LINF], **BUDGET)
    result = attack(classifier, images, labels, keys)
    lead = leads(classifier.logits(result.images), labels)
    way = 1 - lead / leads(classifier.logits(images), labels)
    kept = np.flatnonzero(~result.success)
    usual = 20 + 6 * 3 + 2 * 20 + 10
    longer = result.cost.backward[kept] > usual
    assert longer.any() and (result.cost.backward[kept[longer]] == usual + 40 + 3 * 40 + 40).all()
    assert (way[kept[longer]] >= CLOSE).all()
    assert (way[kept[~longer]] < 1).all() and not longer.all()


def test_an_image_that_stays_robust_costs_a_sixth_of_auto_attack():
    """Ten classes, nine targets, the most that there are."""
    shape = (28, 28, 1)
    classifier, images = tiny.conv(10, shape), tiny.images(12, shape)
    labels, keys = classifier.predict(images), Keys(0, np.arange(12))
    result = Ensemble(norm=Norm.LINF, eps=0.001)(classifier, images, labels, keys)
    kept = ~result.success
    assert kept.sum() > 6
    assert (result.cost.forward[kept] <= AUTO_ATTACK[0] / 6).all()
    assert (result.cost.backward[kept] <= AUTO_ATTACK[1] / 6).all()


@pytest.mark.parametrize("net", [tiny.quantised, tiny.misleading])
def test_square_runs_at_length_where_gradients_mislead(net):
    classifier, images, labels, keys = setting(net())
    square = Square(norm=Norm.LINF, eps=0.03, queries=600)(classifier, images, labels, keys)
    climb = APGD(norm=Norm.LINF, eps=0.03, steps=20)(classifier, images, labels, keys)
    assert square.success.sum() > climb.success.sum() + 20
    budget = {**BUDGET, "queries": 600}
    result = Ensemble(norm=Norm.LINF, eps=0.03, **budget)(classifier, images, labels, keys)
    assert not (square.success & ~result.success).any()
    assert (result.cost.forward[~result.success] > 600).all()
    alone = result.cost.by_answers > 0
    assert alone.sum() >= 5 and (alone <= result.success).all()
    full = FullEnsemble(norm=Norm.LINF, eps=0.03, **budget)(classifier, images, labels, keys)
    assert full.cost.by_answers.sum() >= 5


def with_gradients_of(change):
    """A linear net, whose gradients are multiplied by `change` (8, 8, 1)."""
    inner, change = tiny.linear(7), np.asarray(change, np.float32)

    def logits(pixels):
        here = ops.stop_gradient(pixels)
        return inner.symbolic_logits(here + change * (pixels - here))

    return tiny.FunctionClassifier(logits, 7)


ONE_PIXEL = np.zeros((8, 8, 1))
ONE_PIXEL[3, 4] = 1


@pytest.mark.parametrize(("change", "farthest"), [(-np.ones((8, 8, 1)), 0.0), (ONE_PIXEL, NOWHERE)])
def test_square_runs_at_length_where_its_short_run_and_gradients_both_lead_nowhere(
    change, farthest
):
    """Gradients that point backwards bring nothing, those of one pixel of 64 next to nothing."""
    classifier, images, labels, keys = setting(with_gradients_of(change))
    eps, budget = 0.004, {**BUDGET, "queries": 480, "screening": 160}
    clean = leads(classifier.logits(images), labels)

    def way(attack):
        result = attack(classifier, images, labels, keys)
        return 1 - leads(classifier.logits(result.images), labels) / clean, result

    by_gradients, _ = way(APGD(norm=Norm.LINF, eps=eps, steps=20))
    by_queries, short = way(Square(norm=Norm.LINF, eps=eps, queries=3))
    failed = (by_queries < 0) & ~short.success & (by_gradients <= farthest)
    assert failed.sum() >= 5
    result = Ensemble(norm=Norm.LINF, eps=eps, **budget)(classifier, images, labels, keys)
    assert (result.cost.forward[failed & ~result.success] > 480).all()
    assert result.cost.by_answers[failed].any()
    long = Square(norm=Norm.LINF, eps=eps, queries=480)(classifier, images, labels, keys)
    assert not (long.success & ~result.success)[failed].any() and long.success[failed].any()


def test_the_tier_screens_with_a_quarter_of_its_queries():
    """Gradients are zero, so after the short run every image that is left gets the long one."""
    classifier, images, labels, keys = setting(tiny.quantised())
    budget = {**BUDGET, "queries": 80}
    spent = {
        screening: Ensemble(norm=Norm.LINF, eps=0.004, **budget, screening=screening)(
            classifier, images, labels, keys
        )
        for screening in (4, 16)
    }
    kept = ~spent[4].success & ~spent[16].success
    assert kept.any()
    longer = spent[4].cost.forward - spent[16].cost.forward
    assert set(longer[kept]) <= {15, 15 + 10}  # 20 - 5 queries; ten passes where it asks gradients
    with pytest.raises(InputError, match="`screening` must be at least 1; got 0"):
        Ensemble(norm=Norm.LINF, eps=0.1, screening=0)


def test_square_stays_short_where_gradients_foretell_small_steps():
    """On a smooth net it comes half-way to a boundary and more, and gradients come further."""
    classifier, images, labels, keys = setting(tiny.linear(7))
    budget = {**BUDGET, "queries": 1600}
    result = Ensemble(norm=Norm.LINF, eps=0.008, **budget)(classifier, images, labels, keys)
    square = Square(norm=Norm.LINF, eps=0.008, queries=1600 // 16)
    short = square(classifier, images, labels, keys).images
    way = 1 - leads(classifier.logits(short), labels) / leads(classifier.logits(images), labels)
    promising = ~result.success & (way >= HALF_WAY)
    assert promising.sum() >= 5
    assert (result.cost.forward[promising] < 700).all()


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_small_steps_are_an_eighth_of_eps_in_its_norm(norm, monkeypatch):
    classifier, images, labels, keys = setting()
    steps = []

    def watched(classifier, points, labels, size, keys):
        change = np.full(points.shape[1:], size)
        steps.append(change.max() if norm is Norm.LINF else np.linalg.norm(change))
        return foretelling(classifier, points, labels, size, keys)

    monkeypatch.setattr(adaptive, "foretelling", watched)
    eps, budget = EPS[norm] * 2 / 3, {**BUDGET, "queries": 1600}
    Ensemble(norm=norm, eps=eps, **budget)(classifier, images, labels, keys)
    np.testing.assert_allclose(steps, [eps / 8])


def test_long_climbs_go_towards_the_targets_that_short_ones_came_nearest_to():
    classifier, images, labels, keys = setting()
    asked = []

    class Watched(type(classifier)):
        pass

    watched = Watched.__new__(Watched)
    watched.__dict__.update({k: v for k, v in vars(classifier).items() if k != "_compiled_calls"})
    given = watched.input_gradients
    watched.input_gradients = lambda x, y, loss, targets: (
        asked.append((len(x), targets.copy())),
        given(x, y, loss, targets),
    )[1]
    attack = ChosenTargetsAPGD(norm=Norm.LINF, eps=0.001, steps=7, shorter=3, chosen=2)
    result = attack(watched, images, labels, keys)
    kept = ~result.success
    assert kept.sum() > 20 and (result.cost.backward[kept] == 6 * 2 + 2 * 7).all()
    logits = classifier.logits(images)
    gradients = classifier.lead_gradients(
        images, labels, np.array([np.setdiff1d(np.arange(7), [label]) for label in labels])
    )
    others = np.array([np.setdiff1d(np.arange(7), [label]) for label in labels])
    rows = np.arange(COUNT)[:, None]
    lead = logits[rows, others] - logits[rows, labels[:, None]]
    reach = lead + 0.001 * np.abs(gradients.gradients).sum(axis=(2, 3, 4))  # nearly linear there
    nearest = others[np.arange(COUNT), reach.argmax(axis=1)]
    first_long = asked[12][1]
    assert (first_long == nearest[kept][: len(first_long)]).mean() > 0.9


def test_long_climbs_can_be_kept_for_images_that_short_ones_brought_near_a_boundary():
    classifier, images, labels, keys = setting()
    clean = leads(classifier.logits(images), labels)

    def found(near: float, steps: int = 12) -> AttackResult:
        attack = ChosenTargetsAPGD(norm=Norm.LINF, eps=0.006, steps=steps, shorter=6, near=near)
        return attack(classifier, images, labels, keys)

    every, some, none = found(0), found(0.6), found(1)
    kept = ~(every.success | some.success)
    spent = some.cost.backward[kept]
    assert set(spent) == {6 * 2, 6 * 2 + 2 * 12}  # short climbs alone, or long ones too
    far = kept.copy()
    far[kept] = spent == 6 * 2
    way = 1 - leads(classifier.logits(some.images), labels) / clean
    assert (way[far] < 0.6).all() and (way[kept & ~far] >= 0.6).all()
    assert (every.cost.backward[kept] == 6 * 2 + 2 * 12).all()
    assert (none.cost.backward[~none.success] == 6 * 2).all()


def test_under_l1_every_image_gets_long_climbs():
    classifier, images, labels, keys = setting()
    attack = ChosenTargetsAPGD(norm=Norm.L1, eps=0.02, steps=12, near=1)
    result = attack(classifier, images, labels, keys)
    assert (~result.success).sum() > 5
    assert (result.cost.backward[~result.success] == 6 * 2 + 2 * 12).all()


@pytest.mark.parametrize("option", ["steps", "targeted_steps", "minimal_steps", "queries"])
def test_wrong_options_are_refused(option):
    with pytest.raises(InputError, match="must be at least 1; got 0"):
        Ensemble(norm=Norm.LINF, eps=0.1, **{option: 0})


@pytest.mark.parametrize(
    ("option", "value"), [("near", 1.5), ("near", float("nan")), ("restarts", 2), ("shorter", 0)]
)
def test_wrong_options_of_chosen_targets_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        ChosenTargetsAPGD(norm=Norm.LINF, eps=0.1, **{option: value})
