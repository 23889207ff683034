"""`python -m benchmarks.faults.cluster OPTIONS`: a run on three nodes, of which one is replaced.

Takes the options of `python -m evaluation.run`. The nodes are processes of this machine, with one
core each; when the first chunk has come back and a worker is on one of them, this node is killed,
and another joins.
"""

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from ray._private.ray_constants import PROCESS_TYPE_RAYLET
from ray.cluster_utils import Cluster

from benchmarks.faults.campaign import finished_chunks
from benchmarks.faults.kills import WORKER
from benchmarks.faults.processes import descendants
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
    with ThreadPoolExecutor(1) as pool:  # nodes can be started in the main thread only
        code = pool.submit(evaluate, request)
        while not (finished_chunks(out) and _has_worker(nodes[1])) and not code.done():
            time.sleep(0.05)
        cluster.remove_node(nodes[1], allow_graceful=False)
        print("a node was killed", file=sys.stderr, flush=True)
        cluster.add_node(num_cpus=1)
        print("another node joined", file=sys.stderr, flush=True)
        return code.result()


def _has_worker(node: Any) -> bool:
    """Whether a worker of the run is on a node."""
    (raylet,) = node.all_processes[PROCESS_TYPE_RAYLET]
    return any(WORKER in found.command for found in descendants(raylet.process.pid))


if __name__ == "__main__":
    run(as_command(CommandRequest, main), prog="python -m benchmarks.faults.cluster")
