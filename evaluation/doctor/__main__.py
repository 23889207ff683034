"""`python -m evaluation.doctor`: check that Deadpan can run here, and say what to fix.

One line per check; exit code 1 if something is wrong. Notes are not faults.
"""

from pathlib import Path

from datasets.base.commands import run


def main() -> int:
    """Diagnose your installation: versions, devices, processor, data, weights, memory and disk."""
    from evaluation.doctor.data_and_weights import check_data, check_weights
    from evaluation.doctor.finding import State
    from evaluation.doctor.installation import check_installation
    from evaluation.doctor.machine import check_disk, check_folders, check_memory, check_tensorflow

    here = Path.cwd()
    checks = (
        check_installation,
        check_tensorflow,
        lambda: [check_memory(), check_disk(here)],
        lambda: check_folders(here),
        check_data,
        check_weights,
    )
    wrong = 0
    for check in checks:
        for finding in check():
            print(finding.line, flush=True)
            wrong += finding.state is State.WRONG
    print(f"{wrong} to fix" if wrong else "ready: python -m evaluation.run")
    return 1 if wrong else 0


if __name__ == "__main__":
    run(main, prog="python -m evaluation.doctor")
