"""A small run with two workers: `python -m tests.evaluation.engines.ray_run FOLDER`."""

import logging
import sys
from pathlib import Path

import ray

from evaluation import evaluate
from tests.evaluation.engines.test_ray import OPTIONS


def main(out: Path) -> None:
    """Run."""
    ray.init(
        "local",  # else one that was killed on this machine is looked for, and not found
        num_cpus=2,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    evaluate(**OPTIONS, engine="ray", out=out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
