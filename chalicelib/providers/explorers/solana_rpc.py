"""Nodes of Solana, over JSON-RPC.

https://solana.com/docs/rpc, `getBalance`, `getTokenAccountsByOwner`, `getSignaturesForAddress` and, in small batches, `getTransaction`.
No API key. The public node allows 40 calls of a method in ten seconds for each IP address and is not meant for production: use your
own node there.
"""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.addresses import solana_tokens
from chalicelib.domain.addresses.solana_tokens import PROGRAM, PROGRAM_2022, TokenAccount
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import UpstreamNotAsked
from chalicelib.providers.explorers import solana_entries
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.explorers.solana_node import Call, Row, SolanaNode
from chalicelib.providers.explorers.solana_signatures import FINALIZED, Listed, Signatures
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_STATE = {**FINALIZED, 'encoding': 'base64', 'dataSlice': {'offset': 0, 'length': solana_tokens.STATE_BYTES}}
_ANY_VERSION = 255  # the highest; version 1 came in September 2026
_FIRST_EPOCH = 432_000  # slots; nothing could be transferred yet


@dataclass(frozen=True)
class SolanaRpc:
    """Returns SOL, in lamports, and the tokens of the catalogue, of both token programs, in their smallest units.

    Every transaction that names the address is an entry of SOL, even if it moves none of it. Transactions are listed of the address and
    of the accounts in which it holds tokens: those that are open, and those that wallet programs use for tokens that it held, or of all
    tokens at first, as an account may have been closed. Staking rewards come without a transaction, so the ledger of a stake account
    does not reconcile. A page starts after signatures; the last page is empty.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        node = SolanaNode(self.endpoint, http)
        of_tokens: list[Call] = [
            ('getTokenAccountsByOwner', [address, {'programId': program}, _STATE]) for program in (PROGRAM, PROGRAM_2022)
        ]
        calls: list[Call] = [('getBalance', [address, FINALIZED]), *of_tokens]
        coin, *tokens = node.each(calls)
        with expected_shape(self.endpoint, 'a balance'):
            [balance_row] = node.results([coin], calls[:1])
            balance = _holding(self.chain.currency, self.chain.amount(money.whole(balance_row['value'])))
        if not self.info.lists_transactions and any(answer.get('error') is not None for answer in tokens):
            return AddressReport([balance], iter(()), self._unknown_tokens())
        rows = node.results(tokens, of_tokens)
        with expected_shape(self.endpoint, 'token accounts'):
            accounts = self._token_accounts(address, [row for listed in rows for row in listed['value']])
        holdings = [balance, *self._holdings(accounts.values())]
        codes_of_mints = {mint: token.code for mint, token in currencies.tokens_by_contract(self.chain.currency).items()}
        own = self._usual_accounts(address) | {account: codes_of_mints[state.mint] for account, state in accounts.items()}
        watched = {account: code for account, code in own.items() if account in accounts or code in held_codes or not held_codes}
        with expected_shape(self.endpoint, 'a position'):
            codes = {address: self.chain.currency, **watched}
            signatures = Signatures.resumed(node, resume) if resume else Signatures(node, codes, {})
        return AddressReport(holdings, self._pages(node, address, own, signatures))

    def _unknown_tokens(self) -> list[Unreadable]:
        """Return that no balance of a token is known: some open nodes tell that of the coin and refuse to search for accounts."""
        return [
            Unreadable(token.code, token.contract or '', 'the node lists no accounts')
            for token in currencies.tokens_on(self.chain.currency)
        ]

    def _token_accounts(self, address: str, rows: Sequence[Row]) -> dict[str, TokenAccount]:
        """Return the accounts in which tokens of the catalogue are held, by their address."""
        states = {row['pubkey']: solana_tokens.read_state(base64.b64decode(row['account']['data'][0], validate=True)) for row in rows}
        if any(state.owner != address for state in states.values()):
            raise ValueError('not the requested accounts')
        tokens = currencies.tokens_by_contract(self.chain.currency)
        return {account: state for account, state in states.items() if state.mint in tokens}

    def _holdings(self, accounts: Collection[TokenAccount]) -> list[Holding]:
        tokens = currencies.tokens_on(self.chain.currency)
        held = [(token, sum(account.units for account in accounts if account.mint == token.contract)) for token in tokens]
        return [_holding(token.code, money.scaled(units, token.decimals)) for token, units in held if units]

    def _usual_accounts(self, address: str) -> dict[str, str]:
        """Return the accounts in which wallet programs keep the tokens of the catalogue for an address, with the token of each."""
        return {
            solana_tokens.associated_account(address, mint, solana_tokens.program_of(mint)): token.code
            for mint, token in currencies.tokens_by_contract(self.chain.currency).items()
        }

    def _pages(self, node: SolanaNode, address: str, own: Mapping[str, str], signatures: Signatures) -> Iterator[Page]:
        """Yield the pages of what is listed. `own` are the token accounts of the address, with the currency of each."""
        listed = signatures.take_page()
        if signatures.is_empty(address):
            self._check_history(node)
        while True:
            rows = self._read(node, listed, address, own)
            with expected_shape(self.endpoint, 'transactions'):
                page = Page.of(rows, signatures.position)
            yield page
            if page.resume is None:
                return
            listed = signatures.take_page()

    def _check_history(self, node: SolanaNode) -> None:
        """Raise UpstreamNotAsked if an empty list of transactions may only mean that the node has dropped the old ones."""
        [first] = node.query([('getFirstAvailableBlock', [])])
        with expected_shape(self.endpoint, 'a slot'):
            begins_late = money.whole(first) > _FIRST_EPOCH
        if begins_late:
            raise UpstreamNotAsked(self.endpoint.key, 'keeps recent ledgers only')

    def _read(self, node: SolanaNode, listed: Sequence[Listed], address: str, own: Mapping[str, str]) -> list[Entry | Unreadable]:
        answers = self._transactions(node, [row.signature for row in listed])
        pairs = list(zip(listed, answers, strict=True))
        timeless = {row.slot for row, answer in pairs if solana_entries.made_at(row, answer.get('result')) is None}
        times = self._times(node, sorted(timeless))
        read: list[Entry | Unreadable] = []
        with expected_shape(self.endpoint, 'transactions'):
            for row, answer in pairs:
                at = solana_entries.made_at(row, answer.get('result'))
                at = times.get(row.slot) if at is None else at
                read += solana_entries.read_transaction(self.chain, address, own, row, answer, at)
        return read

    def _transactions(self, node: SolanaNode, signatures: Sequence[str]) -> list[Row]:
        """Return the answers about transactions, in the order of their signatures.

        One that the node cannot return costs nothing but itself. Raises Upstream if it returns none of them, unless they are of
        versions that it does not support.
        """
        config = {**FINALIZED, 'encoding': 'json', 'maxSupportedTransactionVersion': _ANY_VERSION}
        answers = node.each([('getTransaction', [signature, config]) for signature in signatures])
        with expected_shape(self.endpoint, 'an envelope'):
            lacking = [
                answer
                for answer in answers
                if answer.get('result') is None and solana_entries.error_code(answer) != solana_entries.UNSUPPORTED
            ]
        if lacking and len(lacking) == len(answers):
            raise node.refusal(lacking[0].get('error'), 'getTransaction')
        return answers

    def _times(self, node: SolanaNode, slots: Sequence[int]) -> dict[int, Any]:
        """Return the times of blocks, None where the node does not know one."""
        answers = node.each([('getBlockTime', [slot]) for slot in slots])
        return {slot: answer.get('result') for slot, answer in zip(slots, answers, strict=True)}


def _holding(code: str, balance: Decimal) -> Holding:
    return Holding(code, balance, sent=None, received=None, transactions=None)
