"""Errors."""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.scalars import EpochSeconds, Instant


class Failure(TypedDict):
    """An error: a sentence for humans, a code for programs. Errors raised by API Gateway have no `time`."""

    success: Annotated[bool, Meta(description='False: this is an error.', extra_json_schema={'const': False})]
    time: NotRequired[Annotated[EpochSeconds, Meta(description='The time of the response, in seconds since 1970.')]]
    message: Annotated[str, Meta(description='What is wrong, in a sentence for humans.', examples=['Not found'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['not_found'])]
    request_id: Annotated[str, Meta(description='As in X-Request-Id.', examples=['c6af9ac6-7b61-11e6-9a41-93e8deadbeef'])]
    doc_url: Annotated[
        str,
        Meta(
            description='Where the code is explained, with what to do about it.',
            examples=['https://api.example.com/reference#error-not_found'],
            extra_json_schema={'format': 'uri'},
        ),
    ]


class FieldFault(TypedDict):
    """A fault in one field of a request."""

    field: Annotated[str, Meta(description='Its path, such as `balances[0].currency`; empty for the whole body.', examples=['currencies'])]
    code: Annotated[str, Meta(description='In snake_case.', examples=['empty'])]
    message: Annotated[
        str, Meta(description='What is wrong, in a sentence for humans.', examples=['must have at least one reporting currency selected'])
    ]


class InvalidRequest(Failure):
    """An invalid request, with all its faults at once: as sentences for humans, and for programs."""

    invalid: Annotated[
        list[Annotated[str, Meta(examples=['must have at least one reporting currency selected'])]],
        Meta(description='All faults, each in a sentence for humans.'),
    ]
    fields: Annotated[list[FieldFault], Meta(description='The same faults for programs, in the same order.')]


class Unavailable(Failure):
    """No value is available at the moment; `try_again_at` is present while none has been known yet."""

    try_again_at: NotRequired[Annotated[Instant, Meta(description='When to ask again.')]]
    reason: NotRequired[
        Annotated[str, Meta(description='What must change before there can be a value, in snake_case.', examples=['explorers_need_key'])]
    ]
