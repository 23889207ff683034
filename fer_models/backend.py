"""Start Keras and its backend without their start-up chatter; commands call it once."""

import os
import sys
import tempfile


def start_backend() -> None:
    """Import Keras and its backend.

    TensorFlow writes notices to the process's standard error before its own log level counts;
    they are held back, and shown only when the import fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            import keras  # noqa: F401
        except BaseException:
            chatter.seek(0)
            os.write(terminal, chatter.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
