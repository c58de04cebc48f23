"""What the tests of Solana share: a transaction, and nodes that answer about it."""

from collections.abc import Callable
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.solana import ADDRESS
from tests.support.account_explorers import Request, Server
from tests.support.upstreams import explorer_of

SOLANA = explorer_of('sol', 'solana')
SIGNATURE = '5gJFZweW8EsTQCNWH2EyjJA3vm2VcT91vQtrNAcx7YXeq4zHmqXzSqxxnhb9GxiLvecWJJZv8xxW6opHSnJME643'
SLOT = 250_000_000


def txn(keys: list[str], before: list[int], after: list[int], **changed: Any) -> dict[str, Any]:
    """Return a transaction of two accounts by name and, in the order of `keys`, others that were loaded."""
    meta = {
        'err': None,
        'fee': 5_000,
        'preBalances': before,
        'postBalances': after,
        'loadedAddresses': {'writable': keys[2:3], 'readonly': keys[3:]},
    }
    message = {'signatures': [SIGNATURE], 'message': {'accountKeys': keys[:2]}}
    return {'slot': SLOT, 'blockTime': 1_700_000_000, 'meta': meta, 'transaction': message} | changed


def answer(upstream: Server, respond: Callable[[str, Any, Any], dict[str, Any] | None]) -> None:
    """Answer each call, alone or of a batch, by its method and parameters; what `respond` leaves open holds nothing and lists nothing."""

    def told(call: dict[str, Any]) -> dict[str, Any]:
        subject, config = (call['params'] or [None])[0], (call['params'] or [None])[-1]
        usual = {'getBalance': {'value': 7}, 'getTokenAccountsByOwner': {'value': []}, 'getSignaturesForAddress': [], 'getBlockTime': None}
        return {'jsonrpc': '2.0', 'id': call['id']} | (respond(call['method'], subject, config) or {'result': usual[call['method']]})

    def tell(request: Request) -> Answer:
        return as_json([told(call) for call in request.body] if isinstance(request.body, list) else told(request.body))

    upstream.tell = tell


def tell(upstream: Server, told: Any, account: str = ADDRESS, **row: Any) -> None:
    """Answer one signature of an account, with what the node tells of it, and nothing before that."""
    listed = {'signature': SIGNATURE, 'slot': SLOT, 'err': None, 'blockTime': 1_700_000_000} | row

    def respond(method: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if method == 'getSignaturesForAddress' and subject == account:
            return {'result': [listed] if 'before' not in config else []}
        return {'result': told} if method == 'getTransaction' else {'result': 0} if method == 'getFirstAvailableBlock' else None

    answer(upstream, respond)


def calls(upstream: Server, method: str) -> list[Any]:
    """Return the parameters of the calls of a method, in the order in which they came."""
    bodies = [request.body if isinstance(request.body, list) else [request.body] for request in upstream.requests]
    return [call['params'] for body in bodies for call in body if call['method'] == method]
