"""What a request contains: its user, ids in its path, its body, and the network that it comes from."""

import ipaddress
import json
from decimal import Decimal
from typing import Any

from chalice.app import Request

from chalicelib import charges
from chalicelib.config import settings
from chalicelib.errors import BadRequest, Fault, Invalid, NotFound, TooLarge
from chalicelib.http_io import forms

BODY_TYPES = ['application/json', 'application/x-www-form-urlencoded']
MOST_DIGITS = 9  # of an id
_BYTES_PER_REQUEST = 100_000
_FIELDS_PER_REQUEST = 1_000  # of a form, that count as one more request, some ten milliseconds


def user_id(request: Request) -> str:
    """Return the id of the user that the access token was issued for, as the authorizer reported it."""
    principal: str = request.context['authorizer']['principalId']
    return principal


def client_id(request: Request) -> str:
    """Return the id of the application that the access token was issued to, as the authorizer reported it."""
    client: str = request.context['authorizer']['client_id']
    return client


def path_id(text: str) -> int:
    """Return an id from the path. Raises NotFound for a text that cannot be an id."""
    if not (text.isascii() and text.isdecimal() and text[0] != '0' and len(text) <= MOST_DIGITS):
        raise NotFound
    return int(text)


def network(request: Request) -> str:
    """Return the network address by which attempts of a request are counted."""
    return network_of(request.context['identity']['sourceIp'])


def network_of(source: str) -> str:
    """Return what an address counts as: an IPv4 address by itself, or the /64 that one IPv6 subscriber typically owns.

    Proxies that listen for both write an IPv4 address as one of IPv6 (`::ffff:192.0.2.1`), all of which are in one /64.
    """
    address = ipaddress.ip_address(source)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    return str(mapped or ipaddress.ip_network(f'{address}/64', strict=False).network_address)


def body_bytes(request: Request) -> bytes:
    """Return the bytes of a request body, however many: for what was let through already."""
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else bytes(raw)


def raw_body(request: Request, most_bytes: int | None = None) -> bytes:
    """Return the bytes of a request body. Raises TooLarge over `most_bytes`, by default MAX_BODY_BYTES."""
    raw = body_bytes(request)
    most = settings().max_body_bytes if most_bytes is None else most_bytes
    if len(raw) > most:
        raise TooLarge(f'Request body over the limit of {most} bytes')
    return raw


def large_body(request: Request, most_bytes: int) -> bytes:
    """Return the bytes of a request body, each 100 KB of which count as one more request. Raises TooLarge, TooManyRequests."""
    raw = raw_body(request, most_bytes)
    charges.charge(len(raw) // _BYTES_PER_REQUEST)
    return raw


def parse_body(request: Request) -> dict[str, Any]:
    """Return the object in a request body: JSON, in which numbers with a fraction are Decimal, or a form with bracketed names.

    Raises TooLarge over MAX_BODY_BYTES or for a form that costs much, BadRequest for malformed JSON or a malformed form, Invalid for JSON
    that is not an object.
    """
    raw = raw_body(request)
    is_form = request.headers.get('content-type', '').lower().startswith(BODY_TYPES[1])
    if is_form:
        forms.check_cost(raw)
        charges.charge(raw.count(b'&') // _FIELDS_PER_REQUEST)
    try:
        # Bytes that are not UTF-8 and integers of thousands of digits are ValueErrors too; an exponent can be beyond Decimal's.
        parsed = forms.parse(raw.decode()) if is_form else json.loads(raw, parse_float=Decimal, parse_constant=_reject_constant)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadRequest(f'The request body is not {"a valid form" if is_form else "valid JSON"}') from None
    if not isinstance(parsed, dict):
        raise Invalid(Fault('', 'type', 'the request body must be a JSON object'))
    return parsed


def _reject_constant(name: str) -> Any:
    raise ValueError(f'{name} is not JSON')  # NaN and the infinities, which json.loads takes by default
