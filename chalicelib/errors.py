"""Every error a caller of the API can see.

    AppError                    500  internal_error     never raised as itself
    ├── BadRequest              400  bad_request        malformed JSON, malformed query
    ├── NotFound                404  not_found          unknown, another user's, or reached through the wrong parent
    ├── MethodNotAllowed        405  method_not_allowed a known path with another method; `Allow`
    ├── Conflict                409  conflict           concurrent changes won against all our retries
    │   └── AccessEnded         409  access_ended       begun before the password, address or valid sessions changed
    ├── PreconditionFailed      412  precondition_failed `If-Match` names another version
    ├── TooLarge                413  too_large          body over the limit
    ├── AnswerTooLarge          413  answer_too_large   the answer would be larger than Lambda can send
    │   └── HistoryTooLarge     413  answer_too_large   more values or transactions than are computed or read at once
    ├── Invalid                 422  invalid            `invalid`: sentences, `fields`: the same for programs
    ├── TooMany                 429  too_many_attempts  logins, sign-ups, credentials of accounts; `Retry-After`
    │   └── TooManyRequests     429  too_many_requests  the rate limit of an application for one user
    ├── NotReady                503  not_ready          no value known yet; `try_again_at`
    ├── NotSent                 503  mail_not_sent      a mail that the request is about; nothing was changed
    └── Busy                    503  busy               DynamoDB throttles, fails or is silent

    Upstream                    (no status)             an upstream failed; jobs only, SQS retries
    ├── UpstreamRejected                                it works, and rejects the address
    │   ├── AccountRefused                              it works, and refuses an account's credentials
    │   └── AccountLimited                              it works, and asks for fewer requests of one account
    └── UpstreamNotAsked                                no request was sent
        └── UpstreamBusy                                too many of ours wait for their turn

They extend ChaliceUnhandledError because that is the one exception Chalice hands to middleware unchanged, so that
http_io/errors.py can respond with headers and fields; see docs/decisions/0001-errors.md.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from chalice.app import ChaliceUnhandledError

from chalicelib.formats import format_instant


class AppError(ChaliceUnhandledError):
    """Base of the errors that http_io/errors.py renders."""

    status = 500
    code = 'internal_error'
    message = 'Internal server error'

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        if message:
            self.message = message

    def details(self) -> dict[str, Any]:
        """Return the additional keys of the envelope, beside `message` and `code`."""
        return {}

    def headers(self) -> dict[str, str]:
        """Return the additional headers of the response."""
        return {}


class BadRequest(AppError):
    status = 400
    code = 'bad_request'
    message = 'Bad request'


class NotFound(AppError):
    status = 404
    code = 'not_found'
    message = 'Not found'


class MethodNotAllowed(AppError):
    """The path exists, but not with this method; `allowed` is the value of the `Allow` header."""

    status = 405
    code = 'method_not_allowed'
    message = 'Method not allowed'

    def __init__(self, allowed: str) -> None:
        super().__init__()
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        return {'Allow': self.allowed}


class Conflict(AppError):
    status = 409
    code = 'conflict'
    message = 'Changed by another request at the same time, try again'


class AccessEnded(Conflict):
    """What would open an account was begun before its password, address or valid sessions changed."""

    code = 'access_ended'
    message = 'The password or the email address was changed, or all sessions were ended, at the same time: log in again'


class PreconditionFailed(AppError):
    status = 412
    code = 'precondition_failed'
    message = 'Changed since the version named in If-Match: fetch it again before retrying'


class TooLarge(AppError):
    status = 413
    code = 'too_large'
    message = 'Request body too large'


class AnswerTooLarge(AppError):
    """The answer would be larger than can be sent; `was_carried_out` if what was asked for was more than the answer."""

    status = 413
    code = 'answer_too_large'
    message = 'This answer is larger than the service can send: ask for less at a time'

    def __init__(self, *, was_carried_out: bool) -> None:
        super().__init__('It was carried out, but the answer is larger than the service can send' if was_carried_out else None)


class HistoryTooLarge(AnswerTooLarge):
    """More values or transactions than a request, or a job, computes or reads of a portfolio."""

    message = 'This history is larger than the service can compute: report in fewer currencies, or split the portfolio'

    def __init__(self) -> None:
        super().__init__(was_carried_out=False)


class Fault(NamedTuple):
    """One fault of one field of a request: a snake_case `code` for programs, and a sentence for people."""

    field: str
    code: str
    message: str


class Invalid(AppError):
    """A well-formed request that is not valid, with all of its faults."""

    status = 422
    code = 'invalid'
    message = 'Invalid'

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults

    def details(self) -> dict[str, Any]:
        return {
            'invalid': [fault.message for fault in self.faults],
            'fields': [fault._asdict() for fault in self.faults],
        }


def check_all(*checks: Callable[[], object]) -> None:
    """Carry out all checks, each of which may raise Invalid. Raises Invalid with the faults of all of them, in their order."""
    faults: list[Fault] = []
    for check in checks:
        try:
            check()
        except Invalid as invalid:
            faults += invalid.faults
    if faults:
        raise Invalid(*faults)


class TooMany(AppError):
    """Too many attempts; the next one is allowed in `retry_after` seconds."""

    status = 429
    code = 'too_many_attempts'
    message = 'Too many attempts, try again later'

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        return {'Retry-After': str(self.retry_after)}


class TooManyRequests(TooMany):
    code = 'too_many_requests'
    message = 'Too many requests this minute, try again when it is over'


class NotReady(AppError):
    """No value is known yet; `try_again_at` (epoch seconds) is `retry_after` seconds from now.

    `reason` says in one snake_case word what must change before there can be one, None if only time must pass.
    """

    status = 503
    code = 'not_ready'
    message = 'Not ready'

    def __init__(self, try_again_at: int, retry_after: int, reason: str | None = None) -> None:
        super().__init__()
        self.try_again_at = try_again_at
        self.retry_after = retry_after
        self.reason = reason

    def details(self) -> dict[str, Any]:
        reason = {} if self.reason is None else {'reason': self.reason}
        return {'try_again_at': format_instant(self.try_again_at), **reason}

    def headers(self) -> dict[str, str]:
        return {'Retry-After': str(self.retry_after)}


class NotSent(AppError):
    """A mail could not be sent; `reason` is for the log, and names nobody."""

    status = 503
    code = 'mail_not_sent'
    message = 'The mail could not be sent, and nothing was changed: try again in a few minutes'

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def headers(self) -> dict[str, str]:
        return {'Retry-After': '120'}


class Busy(AppError):
    status = 503
    code = 'busy'
    message = 'Too many requests right now, try again in a second'

    def headers(self) -> dict[str, str]:
        return {'Retry-After': '1'}


class Blame(Enum):
    """What the failure of a request to an upstream says something about.

    `HOST`: the upstream as a whole; it cannot be reached, limits our rate, or does not speak the protocol. `LOAD`: the upstream, or how
    much was asked of it at once; it timed out, failed (5xx), or answered more than we accept. `KEY`: the upstream demands an API key or
    refuses ours. `REQUEST`: only what was asked, such as one address: an error about it, or an answer of an undocumented shape.
    """

    HOST = 'host'
    LOAD = 'load'
    KEY = 'key'
    REQUEST = 'request'


class Upstream(Exception):
    """A request to an upstream failed. The message names the upstream and never contains its response, its URL or a key.

    `retry_after` is the number of seconds the upstream asked us to wait, `throttled` whether it refused because of a rate limit, which is
    never to blame on the request.
    """

    def __init__(
        self, key: str, reason: str, *, throttled: bool = False, retry_after: int | None = None, blame: Blame = Blame.REQUEST
    ) -> None:
        super().__init__(f'{key}: {reason}')
        self.key = key
        self.reason = reason
        self.throttled = throttled
        self.retry_after = retry_after
        self.blame = Blame.HOST if throttled else blame


class UpstreamRejected(Upstream):
    """The upstream works and rejected the address as invalid."""


class AccountRefused(UpstreamRejected):
    """An exchange works and refuses an account's credentials: `problem` says why, `detail` what that is about.

    See domain.account_problems.
    """

    def __init__(self, key: str, problem: str, detail: str | None = None) -> None:
        super().__init__(key, f'refuses the credentials ({problem})')
        self.problem = problem
        self.detail = detail


class AccountLimited(UpstreamRejected):
    """An exchange works and asks for fewer requests of one account."""


class UpstreamNotAsked(Upstream):
    """No request was sent: the circuit is open, our rate limit is used up, or the upstream lacks a needed capability."""


class UpstreamBusy(UpstreamNotAsked):
    """No request was sent as too many of ours wait for their turn already; nothing is wrong with the upstream, nor with what is asked."""

    def __init__(self, key: str) -> None:
        super().__init__(key, 'asked too often by us', blame=Blame.HOST)
