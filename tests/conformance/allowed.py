"""What the API adds to the document's answers, key by key, and which of its endpoints are not built yet."""

from typing import Any

from tests.conformance.compare import Leeway, deviations
from tests.conformance.document import Specification

COMPLETENESS = {'complete': False, 'reason': 'p2pk_outputs_unknown'}
NEXT = {'next': 'MTAwMA'}

AGREEMENT = {'agreement': {'status': 'agreed', 'sources': ['blockstream', 'mempool'], 'checked_at': '2017-11-23T23:01:44+00:00'}}

SINCE = {'since': '2017-11-06T04:54:54+00:00'}

# Beyond the document, with an example of each: in `result` or every object of a list, and beside `result`, where it may lack.
INSIDE: dict[str, dict[str, Any]] = {
    'GET /api/portfolios/ID/balances': {
        'complete': True,
        'missing': [{'type': 'address', 'id': 1, 'title': 'My address', 'reason': 'not_ready'}],
    },
    'GET /api/portfolios/ID/converted': {
        'complete': True,
        'missing': [{'currency': 'ltc', 'balance': '1.0', 'reason': 'no_rate'}],
    },
    'GET /api/portfolios/ID/addresses/ID/balances': {'unconfirmed': '0.0', 'complete': False, 'reason': 'transactions_missing'},
    **dict.fromkeys(
        ('POST /api/portfolios/ID/addresses', *(f'{verb} /api/portfolios/ID/addresses/ID' for verb in ('GET', 'PATCH', 'DELETE'))),
        AGREEMENT,
    ),
    **dict.fromkeys(
        ('POST /api/portfolios/ID/offsets', *(f'{verb} /api/portfolios/ID/offsets/ID' for verb in ('GET', 'PATCH', 'DELETE'))),
        SINCE,
    ),
}
BESIDE: dict[str, dict[str, Any]] = {
    'GET /api/portfolios': NEXT,
    'GET /api/portfolios/ID/converted': {'rates': '2017-11-06T04:54:54+00:00'},
    'GET /api/portfolios/ID/addresses': NEXT,
    'GET /api/portfolios/ID/addresses/ID/balances': COMPLETENESS,
    'GET /api/portfolios/ID/addresses/ID/transactions': COMPLETENESS | NEXT,
    'GET /api/portfolios/ID/accounts': NEXT,
    'GET /api/portfolios/ID/offsets': NEXT,
}

# Methods without a heading on paths that have one.
FURTHER_METHODS = {'/api/portfolios/ID/accounts/ID': {'GET', 'PATCH'}}

NOT_BUILT: dict[str, str] = {}  # by endpoint, why not


def unlike_document(specification: Specification, endpoint: str, answer: Any) -> list[str]:
    """Return how an answer deviates from the document's and from what the API adds to it."""
    example = specification.examples[endpoint].answer
    inside, beside = INSIDE.get(endpoint, {}), BESIDE.get(endpoint, {})
    result = {'result': _with_more(example['result'], inside)} if inside else {}
    nullable = {*specification.nullable, 'unconfirmed', 'agreement', 'since', 'last_updated', 'history_last_updated'}
    leeway = Leeway(optional={'missing', *beside}, nullable=nullable)  # what is complete does not say what is missing
    return deviations(example | beside | result, answer, leeway)


def _with_more(documented: Any, inside: dict[str, Any]) -> Any:
    return [row | inside for row in documented] if isinstance(documented, list) else documented | inside
