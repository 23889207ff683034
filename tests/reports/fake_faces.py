"""Drawn faces of a synthetic run, and the arrays that show some of them."""

import numpy as np

from datasets.labels import FER7, FERPLUS8, translate
from tests.reports.wishes import GRID, PARTS, Wishes, classes_of


def face(label: int, seed: int, size: int = 48) -> np.ndarray:
    """A drawn grey face, uint8 (size, size, 1), whose mouth and brows follow its label."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] * (48 / size)
    image = 60 + 20 * rng.random() + 0.6 * x
    head = ((x - 24) / 16) ** 2 + ((y - 25) / 20) ** 2
    image = np.where(head < 1, 190 - 50 * head, image)
    for centre in (17, 31):
        image = np.where(((x - centre) / 3.2) ** 2 + ((y - 20) / 2) ** 2 < 1, 60, image)
        brow = 14 + (label % 3 - 1) * (abs(x - 24) - 7) * 0.3
        image = np.where((abs(x - centre) < 4) & (abs(y - brow) < 1), 70, image)
    curve = 36 + (label % 5 - 2) * 0.02 * ((x - 24) ** 2 - 30)
    image = np.where((abs(x - 24) < 8) & (abs(y - curve) < 1.4), 70, image)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)[..., None]


def gallery(
    wishes: Wishes, truth: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    total, size = wishes.examples, wishes.size
    models = [wishes.models[index % len(wishes.models)] for index in range(total)]
    widest = max(len(classes_of(model)) for model in wishes.models)
    names = np.full((total, widest), "", dtype="<U16")
    before = np.full((total, widest), np.nan, dtype=np.float32)
    after = before.copy()
    clean = np.zeros((total, size, size, 1), dtype=np.uint8)
    labels = []
    for index, model in enumerate(models):
        classes = classes_of(model)
        label = int(truth["fer"][index]) % len(classes)
        labels.append(classes[label])
        names[index, : len(classes)] = classes
        logits = rng.normal(0, 0.6, len(classes))
        before[index, : len(classes)] = _softmax(logits + 3 * np.eye(len(classes))[label])
        other = (label + 1 + index % 3) % len(classes)
        reached = label if index % 6 == 5 else other
        after[index, : len(classes)] = _softmax(logits + 2.5 * np.eye(len(classes))[reached])
        clean[index] = face(label, index, size)
    eps = np.array([np.nan if index % 6 == 5 else GRID[index % 3] for index in range(total)])
    step = (
        np.sign(rng.normal(size=clean.shape)) * np.nan_to_num(eps, nan=GRID[2])[:, None, None, None]
    )
    return {
        "row": np.arange(total) * 7,
        "model": np.array(models, dtype=str),
        "attacked_labels": np.array([model.rpartition(".")[2] for model in models], dtype=str),
        "perturbation": np.array(["pgd", "fgsm"] * total, dtype=str)[:total],
        "norm": np.array([wishes.norm] * total, dtype=str),
        "eps": eps,
        "label": np.array(labels, dtype=str),
        "clean": clean,
        "attacked": np.clip(clean / 255 + step, 0, 1).astype(np.float32),
        "classes": names,
        "clean_probabilities": before,
        "attacked_probabilities": after,
        "survives_8bit": np.arange(total) % 4 != 2,
        "clean_cam": _spots(total, size, 0.4),
        "attacked_cam": _spots(total, size, 0.7),
    }


def _spots(total: int, size: int, height: float) -> np.ndarray:
    """A warm spot on every second face."""
    y, x = np.mgrid[0:size, 0:size] / size
    spot = np.exp(-((x - 0.5) ** 2 + (y - height) ** 2) / 0.02)
    even = np.arange(total) % 2 == 0
    return np.rint(255 * spot * even[:, None, None]).astype(np.uint8)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def disputed(wishes: Wishes, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first six faces that the label sets call differently."""
    differ = (translate(truth["fer"], FER7, FERPLUS8) != truth["ferplus"]) & (truth["ferplus"] >= 0)
    rows = np.flatnonzero(differ)[: 6 if len(wishes.label_sets) == 2 else 0]
    faces = [face(int(truth["fer"][row]), int(row), wishes.size) for row in rows]
    shape = (0, wishes.size, wishes.size, 1)
    return {"row": rows, "image": np.stack(faces) if faces else np.empty(shape, np.uint8)}


def regions(wishes: Wishes) -> dict[str, np.ndarray]:
    """Five bands of one height."""
    size = wishes.size
    band = np.minimum(np.arange(size) * 5 // size, 4).astype(np.uint8)
    return {
        "mean_face": face(0, 0, size),
        "region": np.repeat(band[:, None], size, axis=1),
        "name": np.array(PARTS if wishes.regional else [], dtype="<U5"),
        "share": np.full(5 if wishes.regional else 0, 0.2),
    }
