"""What each error code of the API means, and what to do about it: for the description of the API and the page that explains it."""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """An error code, its status, and sentences for the developer of a client. `remedy` is what to do."""

    code: str
    status: int
    meaning: str
    remedy: str


_ALL = (
    ErrorCode(
        'bad_request',
        400,
        'The request cannot be read: its body is not valid JSON or not a valid form, or a header or `expand` is malformed.',
        'Correct what `message` names. The same request will fail again.',
    ),
    ErrorCode(
        'invalid_token',
        401,
        'The request has no access token and no API key, or one that is malformed, expired or revoked.',
        'Send `Authorization: Bearer TOKEN`. Get a new access token with your refresh token, or else ask the user again; create a new API '
        'key if yours was revoked.',
    ),
    ErrorCode(
        'insufficient_scope',
        403,
        'The token is valid but lacks a scope that the operation needs, or it is an API key, which can only read.',
        'Ask the user for the scopes that this page lists for the operation.',
    ),
    ErrorCode(
        'not_found',
        404,
        'Nothing has this path or id, or it belongs to another user, or is in another portfolio. The answer does not say which.',
        'Check the path, and its ids against the list that the object should be in.',
    ),
    ErrorCode(
        'method_not_allowed',
        405,
        'The path exists, but not with this method.',
        'Use one of the methods in the header `Allow`.',
    ),
    ErrorCode(
        'conflict',
        409,
        'Another request changed the same object at the same time, or an `Idempotency-Key` was sent before with another body or path.',
        'Fetch the object and send the request again. A new request needs a new `Idempotency-Key`.',
    ),
    ErrorCode(
        'precondition_failed',
        412,
        'The object has changed since the version that `If-Match` names, so nothing was changed or deleted.',
        'Fetch the object again, decide whether the change still makes sense, and send it with the new `ETag`.',
    ),
    ErrorCode(
        'too_large',
        413,
        'The body of the request is larger than the service accepts.',
        'Send less at a time, in several requests.',
    ),
    ErrorCode(
        'answer_too_large',
        413,
        'The answer would be larger than the service can send, which is about 5 MB, or a history has more values than the service computes '
        'for one portfolio.',
        'Ask for less at a time: one currency (`/balances/CURRENCY`), fewer reporting currencies, and the contents of a portfolio through '
        'their own lists (`/addresses`, `/accounts`, `/offsets`), which have pages. After a `PATCH` or `DELETE`, do not repeat it: it was '
        'carried out, as `message` says. A history becomes smaller with fewer reporting currencies, or split over more portfolios.',
    ),
    ErrorCode(
        'unsupported_media_type',
        415,
        'The body has a `Content-Type` that the operation does not accept.',
        'Send `application/json` or `application/x-www-form-urlencoded`.',
    ),
    ErrorCode(
        'invalid',
        422,
        'The request can be read, but some of its values are not acceptable.',
        '`invalid` lists every fault as a sentence that you may show to a person; `fields` lists the same with the field and a code. '
        'Correct all of them, then send it again.',
    ),
    ErrorCode(
        'too_many_requests',
        429,
        'The user of the token made more requests in this minute than the service allows, or, without a token, your network did.',
        'Wait for the seconds in `Retry-After`. To avoid it, watch `RateLimit-Remaining`.',
    ),
    ErrorCode(
        'too_many_attempts',
        429,
        'The user has reached the limit of 60 account credentials an hour that the service tries at exchanges.',
        'Wait for the seconds in `Retry-After`.',
    ),
    ErrorCode(
        'internal_error',
        500,
        'Something failed in the service. It has been logged.',
        'Try again later. If it persists, tell the operator the `request_id`. A `POST` is only safe to repeat with an `Idempotency-Key`.',
    ),
    ErrorCode(
        'not_ready',
        503,
        'The value has not been read from its source yet, which takes seconds after an address or account was added.',
        'Ask again at `try_again_at`, which is also in `Retry-After`. If there is a `reason`, waiting alone does not help: it says what is '
        'missing.',
    ),
    ErrorCode(
        'busy',
        503,
        'The database is rejecting or failing requests at the moment.',
        'Try again after the seconds in `Retry-After`, and wait longer each time.',
    ),
)
ERROR_CODES = {error.code: error for error in _ALL}
