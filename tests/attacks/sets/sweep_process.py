"""Makes a set in a process of its own, slowly after the first chunk, so that a test can kill it."""

import sys
import time
from pathlib import Path

import numpy as np

from attacks.registry import attack_spec
from attacks.sets.sweep import SetPlan
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm
from tests.attacks import tiny

SPEC = attack_spec("pgd", Norm.LINF, (0.004, 0.02), "tiny", seed=1, restarts=2, steps=4)


def make(directory: Path, on_chunk=None, before=None):
    classifier, images = tiny.conv(7), tiny.images(250)
    rows = np.arange(250)
    labels = classifier.predict(images)
    labels[:20] = (labels[:20] + 1) % 7  # wrong on clean
    task = AttackTask(classifier, CleanFaces(images, rows, "faces"), labels, SPEC)
    return SetPlan.attacked(task, directory, before).make(classifier, on_chunk)


def report(done: int, count: int) -> None:
    print(f"chunk {done} of {count}", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    make(Path(sys.argv[1]), report)
