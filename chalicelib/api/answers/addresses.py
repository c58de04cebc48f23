"""The addresses of a portfolio."""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from chalicelib.api.answers.currencies import CurrencyRef
from chalicelib.api.answers.scalars import ChildId, Created, Id, Instant, Later, OwnSource, SourceKey, Updated

AddressTitle = Annotated[str, Meta(description='What its user calls it.', examples=['My address'])]


class AddressSummary(TypedDict):
    """An address of a portfolio as an entry of a list."""

    id: ChildId
    title: AddressTitle
    address: Annotated[
        str,
        Meta(
            description='In the notation of its currency; of an extended public key or descriptor, only the ends of its keys.',
            examples=['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'],
        ),
    ]
    currency: Annotated[CurrencyRef, Meta(description='The coin of its chain.')]


class Agreement(TypedDict):
    """Whether two explorers agreed about an address when they were last compared."""

    status: Annotated[Literal['agreed', 'disputed'], Meta(description='Whether both gave the same balance.', examples=['agreed'])]
    sources: Annotated[list[SourceKey], Meta(description='The two explorers, see /api/sources.')]
    checked_at: Annotated[Instant, Meta(description='When they were compared.')]


class WalletOfAddress(TypedDict):
    """The HD wallet that an address is part of, an address of the same portfolio too."""

    id: Annotated[Id, Meta(description='The id of the HD wallet among the addresses of the portfolio.')]
    title: AddressTitle


class Address(AddressSummary):
    """An address of a portfolio."""

    valid: Annotated[bool, Meta(description='False once an upstream has rejected the address as invalid.')]
    created_at: Created
    updated_at: Updated
    txns_last_updated: Annotated[Later | None, Meta(description='When its transactions were last read; null before.')]
    source: OwnSource
    agreement: Annotated[
        Agreement | None, Meta(description='Null until the first cross-check with a second explorer after the address was added.')
    ]
    gap_limit: NotRequired[
        Annotated[int, Meta(description='For an HD wallet: how many unused addresses in a row end the search.', ge=1, le=1_000)]
    ]
    script_types: NotRequired[
        Annotated[
            list[str],
            Meta(
                description='For an HD wallet: the kinds of script that its used addresses have, `p2pkh`, `p2sh-p2wpkh`, `p2wpkh` or '
                '`p2tr` of one key, `p2sh`, `p2sh-p2wsh` or `p2wsh` of several.'
            ),
        ]
    ]
    part_of: NotRequired[
        Annotated[WalletOfAddress, Meta(description='The HD wallet that counts this address, which is not counted by itself.')]
    ]
