"""Run a command with a synthetic sample: `python -m tests.on_sample SAMPLE MODULE ARGUMENTS`.

The commands tested are those of a user; only the place of the sample's file is another.
"""

import runpy
import sys
from pathlib import Path

import datasets.default_data
import datasets.sample.faces

if __name__ == "__main__":
    sample, module, *arguments = sys.argv[1:]
    datasets.sample.faces.FILE = datasets.default_data.FILE = Path(sample)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
