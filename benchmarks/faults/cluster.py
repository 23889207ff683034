"""`python -m benchmarks.faults.cluster OPTIONS`: a run on three nodes, of which one is replaced.

Takes the options of `python -m evaluation.run`. The nodes are processes of this machine, with one
core each; when the first chunk has come back, one is killed and another joins.
"""

import logging
import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from benchmarks.faults.campaign import finished_chunks
from datasets.base.commands import run
from datasets.base.options import as_command
from evaluation.run import CommandRequest
from evaluation.run import main as evaluate


def main(request: CommandRequest) -> int:
    """Replace a node of a small Ray cluster while a run uses it."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
    out = Path(str(request.out))

    def replace() -> None:
        while not finished_chunks(out):
            time.sleep(0.05)
        cluster.remove_node(nodes[1], allow_graceful=False)
        print("a node was killed", file=sys.stderr, flush=True)
        cluster.add_node(num_cpus=1)
        print("another node joined", file=sys.stderr, flush=True)

    threading.Thread(target=replace, daemon=True).start()
    return evaluate(request)


if __name__ == "__main__":
    run(as_command(CommandRequest, main), prog="python -m benchmarks.faults.cluster")
