"""A server on a free port of this machine, while a test runs."""

import threading
from contextlib import contextmanager

from live.server.app import serve


@contextmanager
def served(app):
    server = serve(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.port}"
    server.shutdown()
    thread.join(5)
