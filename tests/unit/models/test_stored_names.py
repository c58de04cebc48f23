"""Attributes keep the names under which they are stored, whatever they are called in code: data outlives a release."""

from chalicelib.domain import ledgers
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.models import Address, History, Ledger
from chalicelib.models.cursor import Cursor, FinalTally

STORED_CURSOR = {
    'M': {
        'settled_height': {'N': '800000'},
        'settled': {'L': [{'M': {'currency': {'S': 'btc'}, 'number': {'N': '2'}, 'sum': {'S': '0.5'}}}]},
        'unsettled': {'L': [{'S': 'ENTRY#2023-01-01T00:00:00+00:00#aa#0'}]},
        'run': {'S': 'r'},
        'doubts': {'N': '1'},
    }
}
STORED = {
    'pk': {'S': 'LEDGER#btc#bc1qxyz'},
    'sk': {'S': 'STATE'},
    'kind': {'S': 'ledger'},
    'cursor': STORED_CURSOR,
    'touched': {'N': '1600000000'},
    'seen_at': {'N': '1700000000'},
    'agreement': {
        'M': {'status': {'S': 'agreed'}, 'sources': {'L': [{'S': 'blockstream'}, {'S': 'mempool'}]}, 'checked_at': {'N': '1700000000'}}
    },
}
STORED_ADDRESS = {
    'pk': {'S': 'USER#5f0c'},
    'sk': {'S': 'PORTFOLIO#000001#ADDRESS#000002'},
    'kind': {'S': 'address'},
    'currency': {'S': 'btc'},
    'wallet': {'S': 'wallet-0123'},
}


def test_the_state_of_a_ledger_is_read_as_it_is_stored() -> None:
    ledger = Ledger.from_raw_data(STORED)
    assert (ledger.change_pending_since, ledger.looked_at, ledger.agreement.status) == (1_600_000_000, 1_700_000_000, 'agreed')
    cursor: Cursor = ledger.cursor
    assert (cursor.final_height, cursor.revertible) == (800_000, ['ENTRY#2023-01-01T00:00:00+00:00#aa#0'])
    assert [(row.currency, row.number, str(row.sum)) for row in cursor.final] == [('btc', 2, '0.5')]
    assert cursor.failed_reconciliations == 1


def test_the_state_of_a_ledger_is_stored_as_it_was() -> None:
    stored = Ledger.from_raw_data(STORED).serialize()
    stored['cursor']['M'] = {name: stored['cursor']['M'][name] for name in STORED_CURSOR['M']}
    assert {name: stored[name] for name in STORED} == STORED
    assert isinstance(Ledger.from_raw_data(STORED).cursor.final[0], FinalTally)


def test_a_ledger_of_an_earlier_release_has_no_gaps_and_reconciled_when_it_was_whole() -> None:
    ledger = Ledger.from_raw_data({**STORED, 'updated_at': {'N': '1700000000'}})
    assert (ledger.gaps, ledger.unreadable, ledger.is_whole, ledger.last_reconciled('btc')) == ([], [], True, 1_700_000_000)
    ledger = Ledger.from_raw_data({**STORED, 'updated_at': {'N': '1700000000'}, 'incomplete': {'S': 'transactions_missing'}})
    assert (ledger.is_whole, ledgers.reason_in(ledger.lacks, 'btc'), ledger.last_reconciled('btc')) == (False, 'transactions_missing', None)


def test_an_address_says_of_which_hd_wallet_it_is_as_it_ever_did() -> None:
    address = Address.from_raw_data(STORED_ADDRESS)
    assert address.ledger_key == HdWalletKey('btc', address.hd_wallet) == HdWalletKey('btc', 'wallet-0123')
    assert address.serialize(null_check=False)['wallet'] == STORED_ADDRESS['wallet']


def test_a_history_says_when_somebody_looked_at_it_as_it_ever_did() -> None:
    stored = {'pk': {'S': 'HISTORY#5f0c#000001'}, 'sk': {'S': 'STATE'}, 'kind': {'S': 'history'}, 'seen_at': {'N': '1700000000'}}
    history = History.from_raw_data(stored)
    assert history.looked_at == 1_700_000_000
    assert history.serialize()['seen_at'] == stored['seen_at']
