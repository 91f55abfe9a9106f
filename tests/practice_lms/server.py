"""Running a platform on loopback: in a thread for tests, in the foreground for ``python -m tests.practice_lms``."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.practice_lms.app import create_platform
from tests.practice_lms.lms import PracticeLms, platform_of
from tests.practice_lms.model import PlatformConfig

LOOPBACK = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """The event log of the platform says what was called; the server need not."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


@contextmanager
def running_platform(config: PlatformConfig, port: int = 0) -> Iterator[PracticeLms]:
    """Serve a platform from a thread while the block lasts; port 0 takes a free one.

    The issuer of the configuration is replaced by the address that is really served.
    """
    server = make_server(LOOPBACK, port, Flask(__name__), threaded=True, request_handler=_QuietHandler)
    app = create_platform(replace(config, issuer=f"http://{LOOPBACK}:{server.server_port}"))
    server.app = app
    thread = threading.Thread(target=server.serve_forever, name="practice-lms", daemon=True)
    thread.start()
    try:
        yield platform_of(app)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def foreground_server(app: Flask, port: int) -> BaseWSGIServer:
    """A server bound to loopback, to be run by ``serve_forever``."""
    return make_server(LOOPBACK, port, app, threaded=True, request_handler=_QuietHandler)
