"""What the API adds to the document's answers, key by key, and which of its endpoints are not built yet."""

from typing import Any

from tests.conformance.compare import Leeway, deviations
from tests.conformance.document import Specification

COMPLETENESS = {'complete': False, 'reason': 'p2pk_outputs_unknown'}
NEXT = {'next': 'MTAwMA'}

# Beyond the document, with an example of each: in every object of a list `result`, and beside `result`, where it may lack.
INSIDE: dict[str, dict[str, Any]] = {
    'GET /api/portfolios/ID/balances': {
        'complete': True,
        'missing': [{'type': 'address', 'id': 1, 'title': 'My address', 'reason': 'not_ready'}],
    },
    'GET /api/portfolios/ID/addresses/ID/balances': {'unconfirmed': '0.0'},
}
BESIDE: dict[str, dict[str, Any]] = {
    'GET /api/portfolios': NEXT,
    'GET /api/portfolios/ID/addresses': NEXT,
    'GET /api/portfolios/ID/addresses/ID/balances': COMPLETENESS,
    'GET /api/portfolios/ID/addresses/ID/transactions': COMPLETENESS | NEXT,
    'GET /api/portfolios/ID/offsets': NEXT,
}

# Methods without a heading on paths that have one.
FURTHER_METHODS = {'/api/portfolios/ID/accounts/ID': {'GET', 'PATCH'}}

_ACCOUNTS = 'no exchange is followed yet'
_HISTORIES = 'no history is kept yet'
NOT_BUILT = {
    'GET /api/portfolios/ID/converted': 'no rates are kept yet',
    'GET /api/portfolios/ID/converted/history': 'no rates are kept yet',
    'GET /api/portfolios/ID/balances/history': _HISTORIES,
    'GET /api/portfolios/ID/balances/_currency_/history': _HISTORIES,
    'GET /api/portfolios/ID/accounts': _ACCOUNTS,
    'GET /api/portfolios/ID/accounts/ID/balances': _ACCOUNTS,
    'GET /api/portfolios/ID/accounts/ID/txns': _ACCOUNTS,
    'GET /api/portfolios/ID/accounts/ID/history': _ACCOUNTS,
    'POST /api/portfolios/ID/accounts': _ACCOUNTS,
    'DELETE /api/portfolios/ID/accounts/ID': _ACCOUNTS,
}


def unlike_document(specification: Specification, endpoint: str, answer: Any) -> list[str]:
    """Return how an answer deviates from the document's and from what the API adds to it."""
    example = specification.examples[endpoint].answer
    inside, beside = INSIDE.get(endpoint, {}), BESIDE.get(endpoint, {})
    rows = {'result': [row | inside for row in example['result']]} if inside else {}
    nullable = {*specification.nullable, 'unconfirmed'}
    leeway = Leeway(optional={'missing', *beside}, nullable=nullable)  # what is complete does not say what is missing
    return deviations(example | beside | rows, answer, leeway)
