"""Time of one face on one processor core, measured in a process of its own.

Processor time is counted, not the clock: other work on the machine hardly changes it.
"""

import os
import time

from datasets.base.workers import worker_processes

BATCH = 64
_SECONDS, _FEWEST, _MOST = 2.0, 3, 50
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def milliseconds_per_image(model: str) -> float:
    """Measure the median processor time of a 48x48 face, in batches of 64, after a warm-up.

    Args:
        model: id, training folder or model file.

    Raises:
        InputError: the model does not load.
    """
    with worker_processes(1) as process:
        return process.submit(_measure, model).result()


def _measure(model: str) -> float:
    if hasattr(os, "sched_setaffinity"):  # not on macOS and Windows
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ.update(_ONE_THREAD)
    from fer_models.backend import quiet_backend

    quiet_backend()
    import numpy as np

    from fer_models.zoo import load

    classifier = load(model)
    images = np.random.default_rng(0).random((BATCH, 48, 48, 1), np.float32)
    classifier.logits(images)
    spent: list[float] = []
    while len(spent) < _FEWEST or (sum(spent) < _SECONDS and len(spent) < _MOST):
        before = time.process_time()
        classifier.logits(images)
        spent.append(time.process_time() - before)
    return 1000 * float(np.median(spent)) / BATCH
