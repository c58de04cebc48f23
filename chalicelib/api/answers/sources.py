"""Upstreams and the state of the service."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.scalars import CurrencyCode, Instant, Later, SourceKey


class FollowedChain(TypedDict):
    """What an upstream follows of a chain, which is named by its coin."""

    currency: Annotated[CurrencyCode, Meta(description='The coin of the chain.')]
    assets: Annotated[
        list[Annotated[str, Meta(extra_json_schema={'enum': ['coin', 'tokens']}, examples=['coin'])]],
        Meta(description='`coin`, and `tokens`: the tokens in the catalogue on this chain. Nothing else is followed.'),
    ]
    key: Annotated[
        str,
        Meta(
            description='The API key that it requires for this chain: `none`, one that is `free`, or one of a `paid` plan.',
            extra_json_schema={'enum': ['none', 'free', 'paid']},
        ),
    ]


class Source(TypedDict):
    """An upstream that values come from: its capabilities and its recent health."""

    key: SourceKey
    title: Annotated[str, Meta(description='The name of the upstream.', examples=['Blockstream Explorer'])]
    url: Annotated[
        str,
        Meta(description='Where its API is documented.', examples=['https://github.com/Blockstream/esplora/blob/master/API.md']),
    ]
    currencies: Annotated[list[CurrencyCode], Meta(description='The currencies that it has data on.')]
    capabilities: Annotated[list[Annotated[str, Meta(examples=['balances'])]], Meta(description='What it provides, in snake_case.')]
    needs_key: Annotated[bool, Meta(description='Whether it requires an API key.')]
    own_server: Annotated[bool, Meta(description='Whether each operator runs a server of their own.')]
    history: Annotated[
        str,
        Meta(
            description='How far back it lists transactions: `whole` for the whole history, `none` if it lists none, or a limit.',
            examples=['whole'],
        ),
    ]
    chains: Annotated[list[FollowedChain], Meta(description='What it follows, chain by chain; empty for a rate source.')]
    health: Annotated[
        str,
        Meta(
            description='Whether the last requests to it succeeded; `unknown` if there were none.',
            extra_json_schema={'enum': ['ok', 'failing', 'unknown']},
        ),
    ]
    last_success_at: Annotated[Later | None, Meta(description='When a request to it last succeeded; null before.')]
    last_failure_at: Annotated[Instant | None, Meta(description='When a request to it last failed; null before.')]
    remedy: Annotated[
        str | None,
        Meta(
            description='What the operator should set if it lacks an API key or rejects the one it has; otherwise null.',
            examples=['Set UPSTREAM_ETHERSCAN_KEY to an API key'],
        ),
    ]


class Tickers(TypedDict):
    """The rates of exchange: when they were last put together, and how many seconds ago; null before the first time."""

    updated_at: Annotated[Instant | None, Meta(description='When they were last compiled.')]
    age: Annotated[Annotated[int, Meta(examples=[42], ge=0)] | None, Meta(description='How many seconds ago that was.')]


class Job(TypedDict):
    """A job of the service, and when it last ran to its end; null before the first time. Some run only when there is work."""

    name: Annotated[str, Meta(description='The name of the job.', examples=['sweep_due'])]
    last_run_at: Annotated[Instant | None, Meta(description='When it last completed; null before.')]


class Status(TypedDict):
    """What works and what fails: the upstreams by key, `database`, `tickers` and `jobs`. What never ran does neither."""

    ok: Annotated[
        list[Annotated[str, Meta(examples=['database'])]], Meta(description='What works: keys of upstreams, `database`, `tickers`, `jobs`.')
    ]
    failing: Annotated[list[Annotated[str, Meta(examples=['mempool'])]], Meta(description='What fails, named in the same way.')]
    tickers: Annotated[Tickers, Meta(description='How old the exchange rates are.')]
    jobs: Annotated[list[Job], Meta(description='When each job last ran.')]
    version: Annotated[str, Meta(description='The release of the service.', examples=['0.1.0'])]
