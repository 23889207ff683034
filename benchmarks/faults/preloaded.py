"""What the forked process imports before it is forked, see `benchmarks/faults/forked.py`."""

from fer_models.backend import quiet_backend

quiet_backend()

import keras  # noqa: E402, F401
import tensorflow  # noqa: E402, F401

import evaluation.run  # noqa: E402
import evaluation.stages.pipeline  # noqa: E402, F401
import reports.page  # noqa: E402, F401
