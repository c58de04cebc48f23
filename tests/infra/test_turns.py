"""Who has the next turn, by what there is of each network and caller."""

from infra.local.turns import Turns, strangers_in


def test_a_line_with_thousands_of_networks_is_one_site() -> None:
    turns = Turns(8)
    turns.add('2001:db8:1:2::', strangers_in('2001:db8:1:2::'))

    assert turns.of('2001:db8:1:3::', strangers_in('2001:db8:1:3::')) == (1, 0, 0)
    assert turns.of('2001:db8:2:2::', strangers_in('2001:db8:2:2::')) == (0, 0, 0)
    assert turns.of('2001:db8:1:2::', '') == (1, 1, 0)
    assert turns.of('203.0.113.9', 'user ann') == (0, 0, 0)


def test_strangers_have_half_of_the_turns_together_and_users_as_many_again() -> None:
    turns = Turns(8)
    for number in range(4):
        assert turns.may_have_more(f'203.0.113.{number}', strangers_in(f'203.0.113.{number}'))
        turns.add(f'203.0.113.{number}', strangers_in(f'203.0.113.{number}'))

    assert not turns.may_have_more('203.0.113.9', strangers_in('203.0.113.9'))
    given = 0
    while turns.may_have_more(f'198.51.100.{given}', f'user {given}'):
        turns.add(f'198.51.100.{given}', f'user {given}')
        given += 1
    assert given == 12
    assert not turns.may_have_more('203.0.113.0', 'user ann')  # of a network that has one


def test_a_long_turn_is_one_of_its_caller_alone() -> None:
    turns = Turns(8)
    for user in ('ann', 'ann', 'bob', 'bob'):
        turns.add('203.0.113.9', f'user {user}', is_long=True)

    assert turns.may_have_more('203.0.113.9', 'user eve')
    assert not turns.may_have_more('203.0.113.9', 'user ann')


def test_long_turns_of_however_many_callers_leave_some_to_who_has_none() -> None:
    turns, callers = Turns(8), [f'user {number}' for number in range(16)]
    for caller in callers * 3:
        if turns.may_have_more('203.0.113.9', caller):
            turns.add('203.0.113.9', caller, is_long=True)

    assert sum(turns.of('203.0.113.9', caller)[2] for caller in callers) == 16
    assert turns.may_have_more('203.0.113.9', 'user eve')
    assert turns.may_have_more('203.0.113.9', '')
    assert turns.may_have_more('203.0.113.9', strangers_in('203.0.113.9'))
