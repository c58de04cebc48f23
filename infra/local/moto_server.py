"""A moto server that answers one request at a time, and forgets what is over.

Moto changes its tables in place while other threads copy them for a transaction. With requests side by side a client sees
errors with status 500, and two transactions that exclude each other both succeed.

Moto is made for tests, which end: it keeps each item and message that it ever made for its page of data, and the receipt of each deleted
message. A server that stays for good would grow by each request.

And it believes anybody: it verifies no signature, lets web pages of every origin read its answers, and resets itself on request.
"""

import hmac
import logging
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server

from infra.local import consumed_capacity, exact_kms, fair_queues, quick_moto
from infra.local.people_first import PeopleFirst, is_of_job

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_RECEIPT_SECONDS = 3_600  # longer than anybody tries again to delete a message


class OneAtATime:
    """A WSGI application that passes on complete requests, each once the response to the one before is complete, those of jobs last."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application
        self._turn = PeopleFirst()
        self._forgot_at = time.monotonic()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        length = environ.get('CONTENT_LENGTH')
        if length:  # read before the lock is taken, as a client may be slow to send
            environ['wsgi.input'] = BytesIO(environ['wsgi.input'].read(int(length)))
        with self._turn.held(by_job=is_of_job(environ.get('HTTP_USER_AGENT', ''))):
            self._forget_receipts()
            response = self._application(environ, start_response)
            try:
                return list(response)
            finally:
                getattr(response, 'close', lambda: None)()

    def _forget_receipts(self) -> None:
        """Forget the receipts of deleted messages, once an hour."""
        if time.monotonic() - self._forgot_at < _RECEIPT_SECONDS:
            return
        self._forgot_at = time.monotonic()
        for regions in sqs_backends.values():
            for backend in regions.values():
                for queue in backend.queues.values():
                    queue.deleted_messages.clear()


class AccessKeyCheck:
    """A WSGI application that answers requests signed in the name of one access key alone, as other users and web pages reach the port too.

    The access key is what is secret: signatures are not verified.
    """

    def __init__(self, application: Wsgi, access_key: str) -> None:
        self._application = application
        self._access_key = access_key.encode()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # AWS4-HMAC-SHA256 Credential=KEY/20261129/us-east-1/dynamodb/aws4_request, ...
        sent = environ.get('HTTP_AUTHORIZATION', '').partition('Credential=')[2].partition('/')[0]
        if not hmac.compare_digest(sent.encode(), self._access_key):
            start_response('403 Forbidden', [('Content-Length', '0')])
            return []
        return self._application(environ, start_response)


def start(host: str, wrap: Callable[[Wsgi], Wsgi] = lambda moto: moto, access_key: str | None = None) -> str:
    """Serve on a free port, in threads that end with this process; return the URL.

    `wrap` puts something around moto. Requests in the name of another access key than `access_key` are refused, before their body is read.
    """
    consumed_capacity.REPLACEMENTS.install()
    exact_kms.REPLACEMENTS.install()
    fair_queues.REPLACEMENTS.install()
    quick_moto.REPLACEMENTS.install()
    logging.getLogger('werkzeug').setLevel(logging.WARNING)  # it logs every request
    application: Wsgi = OneAtATime(wrap(DomainDispatcherApplication(create_backend_app)))
    if access_key is not None:
        application = AccessKeyCheck(application, access_key)
    server = make_server(host, 0, application, threaded=True, request_handler=MotoRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    return f'http://{host}:{server.server_port}'
