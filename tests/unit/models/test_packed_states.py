"""How states of portfolios are stored: compact, exact where it counts, and as earlier releases stored them."""

import json
import zlib
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.presenters.currencies import present_value
from chalicelib.domain.timeline import HOUR, PortfolioState, in_force
from chalicelib.models.packed_states import StateAttribute, StatesAttribute

CODES = ('btc', 'eth', 'usd', 'jpy')
amounts = st.decimals(min_value='-1e30', max_value='1e30', places=18).filter(bool)
by_code = st.dictionaries(st.sampled_from(CODES), amounts)
states = st.builds(
    PortfolioState,
    balances=by_code,
    values=st.dictionaries(st.sampled_from(CODES), st.sampled_from([Decimal(0), Decimal('20000.1'), Decimal('-0.07')])),
    unconverted=st.dictionaries(st.sampled_from(CODES), st.lists(st.sampled_from(CODES), min_size=1).map(tuple)),
    disputed=st.dictionaries(st.sampled_from(CODES), st.lists(st.sampled_from(CODES), min_size=1).map(tuple)),
    covered=st.integers(0, 9),
    total=st.integers(0, 9),
    complete=st.booleans(),
    incomplete=st.frozensets(st.sampled_from(CODES)),
).map(lambda state: state._replace(incomplete=frozenset()) if state.complete else state)


@given(st.lists(states, min_size=1, max_size=10))
def test_states_come_back_as_they_were(kept: list[PortfolioState]) -> None:
    given_states = [(number * HOUR, state) for number, state in enumerate(kept)]
    attribute = StatesAttribute()

    back = attribute.deserialize(attribute.serialize(given_states))

    hours = range(0, len(kept) * HOUR, HOUR)
    assert [(at, state) for stretch, state in in_force(back, hours) for at in stretch] == given_states


def test_of_a_later_state_only_the_differences_are_stored() -> None:
    first = PortfolioState({'btc': Decimal('0.50'), 'doge': Decimal(3)}, {'usd': Decimal(20000)}, {'usd': ('doge',)}, 2, 3, False)
    same = first._replace(balances={'btc': Decimal('0.5'), 'doge': Decimal('3.0')})
    later = PortfolioState({'btc': Decimal('0.5')}, {'usd': Decimal('20000.5')}, {}, 2, 3, False)

    stored = StatesAttribute().serialize([(0, first), (HOUR, same), (2 * HOUR, later)])

    assert json.loads(zlib.decompress(stored)) == [
        [0, {'b btc': '0.5', 'b doge': '3.0', 'n': [2, 3, False], 'c usd': '20000.0', 'm usd': ['doge']}],
        [2 * HOUR, {'b doge': None, 'c usd': '20000.5', 'm usd': None}],
    ]


@given(st.decimals(min_value='-1e12', max_value='1e12', places=30), st.sampled_from(CODES))
def test_a_stored_value_is_shown_as_the_exact_one_would_be(value: Decimal, code: str) -> None:
    state = PortfolioState({}, {code: value}, {}, 1, 1, True)
    attribute = StateAttribute()

    back = attribute.deserialize(attribute.serialize(state))

    assert present_value(back.values[code], code) == present_value(value, code)


@given(st.decimals(min_value='1e-15', max_value='1e12', places=30), st.sampled_from([*CODES, 'neo']))
def test_a_small_value_is_stored_as_exactly_as_a_large_one(value: Decimal, code: str) -> None:
    """Else the steps between percentages of a few cents, or of a few of what has no decimals, would tell how much there is."""
    attribute = StateAttribute()

    back = attribute.deserialize(attribute.serialize(PortfolioState({}, {code: value}, {}, 1, 1, True)))

    assert abs(back.values[code] / value - 1) < Decimal('1e-7')


def test_a_value_that_is_hardly_more_than_half_a_cent_is_not_stored_as_half_a_cent() -> None:
    state = PortfolioState({}, {'usd': Decimal('0.125' + '0' * 30 + '1')}, {}, 1, 1, True)
    attribute = StateAttribute()

    back = attribute.deserialize(attribute.serialize(state))

    assert present_value(Decimal('0.125'), 'usd') == '0.12'
    assert present_value(back.values['usd'], 'usd') == '0.13'


def test_what_single_currencies_lack_is_stored_where_earlier_releases_pass_over_it() -> None:
    state = PortfolioState({'eth': Decimal(1)}, {}, {}, 1, 1, False, disputed={'usd': ('eth',)}, incomplete=frozenset({'usdc', 'eth'}))

    stored = StatesAttribute().serialize([(0, state)])

    assert json.loads(zlib.decompress(stored)) == [[0, {'b eth': '1.0', 'n': [1, 1, False], 'm *': ['eth', 'usdc'], 'm *usd': ['eth']}]]


def test_what_earlier_releases_stored_as_it_was_shown_is_read_as_amounts() -> None:
    stored = [
        [0, {'b btc': '0.5', 'b doge': '3.0', 'n': [2, 3, False], 'c usd': '20000.00', 'm usd': ['doge'], 'c btc': '0.5'}],
        [HOUR, {'b doge': None, 'c usd': '-0.10', 'm usd': None}],
    ]

    back = StatesAttribute().deserialize(zlib.compress(json.dumps(stored).encode()))

    assert back == [
        (
            0,
            PortfolioState(
                balances={'btc': Decimal('0.5'), 'doge': Decimal(3)},
                values={'usd': Decimal(20000), 'btc': Decimal('0.5')},
                unconverted={'usd': ('doge',)},
                covered=2,
                total=3,
                complete=False,
            ),
        ),
        (HOUR, PortfolioState({'btc': Decimal('0.5')}, {'usd': Decimal('-0.1'), 'btc': Decimal('0.5')}, {}, 2, 3, False)),
    ]
