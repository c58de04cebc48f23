"""What a person is told of an account that cannot be read, in their language."""

import pytest

from chalicelib import texts
from chalicelib.domain import account_problems


@pytest.mark.parametrize(
    ('problem', 'stored', 'english', 'german'),
    [
        ('answer_refused', 'it returned 404', 'it returned 404', 'sie antwortet mit 404'),
        ('answer_refused', 'it is neither JSON nor CSV', 'it is neither JSON nor CSV', 'es ist weder JSON noch CSV'),
        ('address_refused', str(account_problems.NOT_PUBLIC), 'is not public', 'nicht öffentlich'),
        ('address_refused', str(account_problems.NO_PLAIN_URL), 'without a user name', 'ohne Benutzernamen'),
        ('permission_missing', str(account_problems.GEMINI_AUDITOR), 'without a time-based nonce', 'ohne zeitbasierte Nonce'),
        ('permission_missing', str(account_problems.NOT_OF_ONE_ACCOUNT), 'which begins with account-', 'beginnen mit account-'),
        ('permission_missing', str(account_problems.READING_BALANCES), 'reading balances', 'Bestände lesen'),
        ('account_unsupported', str(account_problems.NOT_UNIFIED), 'upgrade it to a Unified', 'stellen Sie es auf ein Unified'),
        ('account_unsupported', str(account_problems.NOT_OFFERED), 'not set up', 'nicht dafür eingerichtet'),
        ('permission_missing', 'Query funds, Query ledger entries', 'Query funds, Query', 'Query funds, Query'),
        ('wrong_key', None, 'X does not recognise', 'X kennt'),
    ],
)
def test_what_a_problem_is_about_is_told_in_the_language_of_the_reader_where_it_is_in_words_of_ours(
    problem: str, stored: str | None, english: str, german: str
):
    sentence = account_problems.sentence(problem, 'X', stored)

    assert english in sentence
    with texts.use_language('de'):
        assert german in texts.translate(sentence)
