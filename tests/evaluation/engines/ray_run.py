"""A small run on a Ray cluster in this process: `python -m tests.evaluation.engines.ray_run`.

Arguments: the run's folder, and `two` workers of one node or three `nodes`, of which one is killed
when the first chunk has come back.
"""

import logging
import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from evaluation import evaluate
from tests.evaluation.engines.test_ray import OPTIONS


def main(out: Path, how: str) -> None:
    """Run."""
    if how == "two":
        ray.init(
            "local",  # else one that was killed on this machine is looked for, and not found
            num_cpus=2,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    else:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ray.init(address=cluster.address, logging_level=logging.ERROR)

        def kill() -> None:
            while not [*out.glob("sets/*fer-pgd*/chunk-*.npz")]:
                time.sleep(0.05)
            cluster.remove_node(nodes[1], allow_graceful=False)
            print("killed a node", file=sys.stderr, flush=True)

        threading.Thread(target=kill, daemon=True).start()
    evaluate(**OPTIONS, engine="ray", out=out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
