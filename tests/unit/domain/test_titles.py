"""Titles are any text but control characters and what overrides the direction of text."""

import re

import pytest

from chalicelib.domain import titles


@pytest.mark.parametrize(
    'title',
    [
        'Savings',
        '\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466',  # a family: four people and three joiners
        '\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f',  # the flag of England, in tags
        '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',  # Persian with a zero-width non-joiner
        'a\u3000b',
        'a\u00a0b',
        'אב\u200fג',  # with a right-to-left mark
        '\U0001fadf',  # a splatter, of 2024
        '\U000cffff',  # not assigned
        '\ue000',  # private use
        'a\u2028b',
        'é',
        '\u200b',
    ],
)
def test_any_text_is_a_title(title: str) -> None:
    assert titles.parse(title) == title
    assert re.search(titles.PATTERN, title)


@pytest.mark.parametrize('code', [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_controls_and_overrides_are_refused(code: int) -> None:
    with pytest.raises(titles.BadTitle, match=r'^must not contain control characters') as refused:
        titles.parse(f'a{chr(code)}b')
    assert refused.value.code == 'characters'
    assert not re.search(titles.PATTERN, f'a{chr(code)}b')


WIF = '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ'
SEED = 'legal winner thank year wave sausage worth useful legal winner thank yellow'  # of BIP-39's test vectors


@pytest.mark.parametrize('title', [WIF, f'My key {WIF}!', f'seed: {SEED}', SEED.upper(), SEED.replace(' ', ', ')])
def test_what_may_be_a_private_key_is_no_title(title: str) -> None:
    with pytest.raises(titles.BadTitle, match=r'^must not contain a private key') as refused:
        titles.parse(title)
    assert refused.value.code == 'private_key'


@pytest.mark.parametrize(
    'title', [WIF[:30], SEED.replace('worth', 'of'), 'What we put aside for the new house, if it is ever built at all']
)
def test_a_long_title_is_no_seed(title: str) -> None:
    assert titles.parse(title) == title


@pytest.mark.parametrize('title', ['\ud83d', 'a\udfffb'])
def test_half_a_character_is_refused(title: str) -> None:
    with pytest.raises(titles.BadTitle):
        titles.parse(title)


@pytest.mark.parametrize('title', ['', ' ', '\u3000', '\xa0\n', 'x' * 256, '\U0001f980' * 256])
def test_a_title_has_1_to_255_code_points(title: str) -> None:
    with pytest.raises(titles.BadTitle, match=r'^must have 1 to 255 characters$'):
        titles.parse(title)


@pytest.mark.parametrize('title', ['x', 'x' * 255, '\U0001f980' * 255])
def test_whitespace_around_it_does_not_count(title: str) -> None:
    assert titles.parse(f' \u3000{title}\n') == title
