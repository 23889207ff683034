"""What is planted and how it is counted, on a linear net; the attack is scripted."""

import numpy as np
import pytest

from attacks.noise import random_move
from attacks.threat_model import Norm, distance
from evaluation.checks import planted_example as module
from evaluation.checks.planted_example import (
    number_of_points,
    planted_example,
    random_points,
    separating_head,
)
from evaluation.checks.planted_heads import PlantedHeads, batches_apart
from evaluation.checks.rules import Check
from tests.evaluation.checks.scripted import Asked, LinearNet, Script, faces_of, set_of

NAN = np.nan
RIGHT = [0.0] * 2 + [NAN] * 30


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    found = Script()
    monkeypatch.setattr(module, "make_attack", found.make_attack)
    return found


def probed(net: LinearNet, smallest_eps: list[float] = RIGHT) -> Check:
    made = set_of(smallest_eps, steps=5)
    return planted_example(net, made, faces_of(made), 0.05)


@pytest.mark.parametrize(("missed", "status"), [(0, "ok"), (1, "ok"), (2, "flagged")])
def test_19_of_20_must_be_found(missed: int, status: str, script: Script) -> None:
    script.breaks = lambda asked: asked.rows >= 102 + missed
    found = probed(LinearNet())
    assert (found["rule"], found["check"], found["model"]) == ("R14", "planted example", "linear")
    assert (found["status"], found["threshold"]) == (status, 0.95)
    assert found["value"] == pytest.approx(1 - missed / 20)
    assert found["message"].startswith(
        f"The attack finds an example that is known to exist for {20 - missed} of 20."
    )
    assert ("robust accuracy is overstated" in found["message"]) == (missed == 2)


def test_faces_that_are_alike_are_attacked_one_by_one(script: Script) -> None:
    """Neighbours differ by a thousandth, less than eps."""
    probed(LinearNet())
    assert [asked.rows.tolist() for asked in script.asked] == [[row] for row in range(102, 122)]
    first = script.asked[0]
    assert (first.name, first.norm, first.eps, first.seed) == ("pgd", Norm.LINF, 0.05, 7)
    assert first.options["steps"] == 5
    assert {tuple(asked.labels.tolist()) for asked in script.asked} == {(0,)}


def test_each_face_has_one_planted_example_near_it(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn again with the row's own draws: of 16 points one is of the second class."""

    net, batches = LinearNet(), []
    answer = net.logits

    def counted(images: np.ndarray) -> np.ndarray:
        batches.append(len(images))
        return answer(images)

    def breaks(asked: Asked) -> np.ndarray:
        assert batches == [20 * 17]
        row = int(asked.rows[0])
        clean = np.full((4, 4, 1), np.float32(row / 1000))
        draw = np.random.default_rng((7, row, 0))
        points = random_points(clean, 0.05, Norm.LINF, draw, 16)
        logits = asked.classifier.logits(np.concatenate([clean[None], points]))
        assert logits[0].argmax() == 0 and (logits.argmax(axis=1) == 1).sum() == 1
        two = np.sort(answer(clean[None])[0])[-2:]
        assert logits[0, 0] - logits[0, 1] == pytest.approx(two[1] - two[0], rel=1e-3)
        return np.ones(1, bool)

    script.breaks = breaks
    monkeypatch.setattr(net, "logits", counted)
    assert probed(net)["value"] == 1


def test_nothing_can_be_planted_where_points_change_nothing(script: Script) -> None:
    found = probed(LinearNet(np.zeros((16, 3), np.float32)))
    assert (found["status"], script.asked) == ("ok", [])
    assert np.isnan(found["value"])
    assert found["message"].startswith("No example could be planted")


def test_the_head_leads_by_what_it_is_told() -> None:
    net, images = LinearNet(), np.random.default_rng(0).random((5, 4, 4, 1)).astype(np.float32)
    direction = np.array([1.0, -2.0, 0.5])
    planted = PlantedHeads(net, images[:1], direction[None], np.array([0.25]), Norm.LINF)
    logits = planted.logits(images)
    lead = net.logits(images) @ direction + 0.25
    assert logits[:, 1] - logits[:, 0] == pytest.approx(lead, abs=1e-5)
    assert logits.sum(axis=1) == pytest.approx(np.zeros(5), abs=1e-6)
    assert planted.scheme.classes == ("face", "planted")


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2, Norm.L1])
def test_each_image_has_the_head_of_the_face_it_is_near(norm: Norm) -> None:
    """Answers and gradients of a batch are those of each face behind its own head alone."""
    net, draw = LinearNet(), np.random.default_rng(3)
    faces = draw.random((3, 4, 4, 1)).astype(np.float32)
    directions, offsets = draw.standard_normal((3, 3)), np.array([0.1, -0.2, 0.3])
    moved = np.clip(faces + draw.uniform(-0.05, 0.05, faces.shape), 0, 1).astype(np.float32)
    order = [2, 0, 1]
    planted = PlantedHeads(net, faces, directions, offsets, norm)
    logits, pull = planted.pullback(moved[order])
    cotangent = draw.standard_normal((3, 2)).astype(np.float32)
    gradient = pull(cotangent)
    assert planted.attacked_logits(moved[order]) == pytest.approx(logits)
    for place, face in enumerate(order):
        alone = PlantedHeads(
            net, faces[[face]], directions[[face]], offsets[[face]], norm
        ).pullback(moved[[face]])
        assert logits[[place]] == pytest.approx(alone.logits, rel=1e-5)
        own = alone.pull(cotangent[[place]])
        assert gradient[[place]] == pytest.approx(own, rel=1e-5)
        lead = net.logits(moved[[face]]) @ directions[face] + offsets[face]
        assert logits[place, 1] - logits[place, 0] == pytest.approx(lead[0], rel=1e-4)
        slope = np.einsum("k,pk->p", directions[face], net._weights).reshape(4, 4, 1)
        expected = (cotangent[place, 1] - cotangent[place, 0]) / 2 * slope
        assert own[0] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_faces_share_a_batch_unless_they_are_alike() -> None:
    greys = np.array([0.1, 0.5, 0.12, 0.9, 0.505], np.float32)
    faces = np.broadcast_to(greys[:, None, None, None], (5, 4, 4, 1))
    batches = batches_apart(faces, 0.01, Norm.LINF)
    assert [batch.tolist() for batch in batches] == [[0, 1, 3], [2, 4]]
    assert [batch.tolist() for batch in batches_apart(faces, 0.0001, Norm.LINF)] == [[*range(5)]]
    assert batches_apart(faces[:0], 0.01, Norm.L2) == []


def test_faces_apart_are_attacked_together(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    made = set_of([NAN] * 8, steps=5)
    found = planted_example(LinearNet(), made, faces_of(made), 0.0001)
    assert found["message"].startswith("The attack finds an example that is known to exist for 8 ")
    assert [asked.rows.tolist() for asked in script.asked] == [list(range(100, 108))]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"steps": 5}, 16),
        ({"steps": 20}, 17),
        ({"steps": 40}, 33),
        ({"steps": 20, "restarts": 2}, 33),
        ({"steps": 10, "targeted_steps": 10, "minimal_steps": 10, "queries": 10}, 33),
        ({"steps": 20, "queries": None}, 17),
        ({"steps": 48, "shorter": 6}, 46),  # 8 and 48 towards the one other class
        ({"steps": 100, "queries": 5000}, 128),
        ({}, 16),
    ],
)
def test_there_are_more_points_for_an_attack_that_tries_more(
    options: dict[str, int | None], count: int
) -> None:
    assert number_of_points(options) == count


@pytest.mark.parametrize("tries", [20, 40, 100])
def test_a_search_at_random_is_flagged(tries: int) -> None:
    """It passes where it misses one face of 20 at most; that happens in one run of a hundred."""
    missed = (1 - 1 / number_of_points({"steps": tries})) ** tries
    passes = (1 - missed) ** 20 + 20 * missed * (1 - missed) ** 19
    assert 0.002 < passes < 0.01


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2, Norm.L1])
def test_points_lie_at_the_edge_of_the_ball(norm: Norm) -> None:
    clean = np.full((4, 4, 1), 0.5, np.float32)
    points = random_points(clean, 0.3, norm, np.random.default_rng(5), 64)
    assert (points.shape, points.dtype) == ((64, 4, 4, 1), np.float32)
    away = distance(points, np.repeat(clean[None], 64, axis=0), norm)
    if norm is not Norm.L1:  # there two parts may meet on a pixel
        assert away == pytest.approx(np.full(64, 0.3), rel=1e-4)
    assert away.max() == pytest.approx(0.3, rel=1e-4)
    draw = np.random.default_rng(5)
    moves = np.stack([random_move((4, 4, 1), 0.3, norm, draw) for _ in range(64)])
    assert points == pytest.approx(0.5 + moves, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_head_is_fishers_discriminant_of_the_point_it_separates_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((65, 3)) * [1, 3, 0.2] + [5, 0, -1]
    logits[0] = [7, 1, -2]
    head = separating_head(logits.astype(np.float32))
    assert head is not None
    direction, offset = head
    logits = logits.astype(np.float32).astype(np.float64)
    centred = logits - logits.mean(axis=0)
    inverse = np.linalg.inv(np.cov(centred.T))
    gaps = []
    for point in range(1, 65):
        heights = centred @ inverse @ centred[point]
        others = np.delete(heights, point)
        gaps.append((heights[point] - others.max()) / abs(heights[point]))
    best = 1 + int(np.argmax(gaps))
    expected = inverse @ centred[best]
    assert direction / np.linalg.norm(direction) == pytest.approx(
        expected / np.linalg.norm(expected), abs=1e-6
    )
    leads = logits @ direction + offset
    second = np.delete(leads, best).max()
    assert leads[best] > 0 > second
    assert leads[best] == pytest.approx(-second)  # the threshold is half-way
    assert leads[0] == pytest.approx(-6)  # the model's own margin at the face, 7 - 1


def test_a_face_on_the_boundary_gets_a_margin_of_a_thousandth() -> None:
    logits = np.random.default_rng(0).standard_normal((65, 3)).astype(np.float32)
    logits[0] = [0.5, 0.5, -1]
    head = separating_head(logits)
    assert head is not None
    assert logits[0].astype(np.float64) @ head[0] + head[1] == pytest.approx(-1e-3)


@pytest.mark.parametrize(("gap", "is_some"), [(0.0005, False), (0.005, True)])
def test_a_point_must_stand_out_by_a_thousandth_of_its_height(gap: float, is_some: bool) -> None:
    """One logit varies: half of the points at 0, the rest but one at 1, that one a little above."""
    logits = np.zeros((65, 2), np.float32)
    logits[33:, 0] = 1
    logits[64, 0] = 1 + gap / 2  # heights are counted from the mean, near a half
    assert (separating_head(logits) is not None) is is_some
