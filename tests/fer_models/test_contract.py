"""The contract is read by commands before they start Keras, so it must not load it."""

import subprocess
import sys


def test_a_contract_loads_no_framework() -> None:
    code = (
        "import sys, fer_models.contract, fer_models.foreign.contract_file\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
