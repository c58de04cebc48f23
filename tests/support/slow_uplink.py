"""Lambda, as far as it takes functions, behind an uplink of so many bits a second."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

MOST_ZIPPED = 20 * 1024 * 1024  # of the functions' code: AWS takes 50 MB, but this goes up once for each function
_PIECE = 16_384


class Uplink(NamedTuple):
    """`url` leads to Lambda through it; `bodies` are the sizes of the requests that arrived whole."""

    url: str
    bodies: list[int]


@contextmanager
def slow_uplink(bits_per_second: float) -> Iterator[Uplink]:
    """Serve Lambda's CreateFunction, and nothing else, and take in what clients send no faster than that."""
    bodies: list[int] = []

    class Lambda(BaseHTTPRequestHandler):
        timeout = 60  # what is left of a client that is gone

        def do_POST(self) -> None:
            size, begun, arrived = int(self.headers['Content-Length']), time.monotonic(), 0
            while arrived < size:
                piece = self.rfile.read(min(_PIECE, size - arrived))
                if not piece:
                    return
                arrived += len(piece)
                time.sleep(max(0.0, begun + arrived * 8 / bits_per_second - time.monotonic()))
            bodies.append(size)
            answer = json.dumps({'FunctionArn': 'arn:aws:lambda:us-east-1:1:function:one', 'State': 'Active'}).encode()
            self.send_response(201)
            self.send_header('Content-Length', str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Lambda) as server:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE)  # or the kernel would take in megabytes at once
        Thread(target=server.serve_forever, daemon=True).start()
        yield Uplink(f'http://127.0.0.1:{server.server_port}', bodies)
        server.shutdown()
