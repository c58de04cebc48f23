"""Calls of many contracts in one, by the contract Multicall3, which is at the same address on every chain whose tokens we follow.

https://github.com/mds1/multicall: `aggregate3` with `allowFailure`, so that a call that fails costs only its own answer. Pure: the
encoding of Ethereum's ABI (https://docs.soliditylang.org/en/latest/abi-spec.html), in words of 32 bytes.
"""

from collections.abc import Sequence

CONTRACT = '0xca11bde05977b3631167028862be2a173976ca11'
_AGGREGATE3 = '0x82ad56cb'
_WORD = 64  # hexadecimal digits


def encode_calls(calls: Sequence[tuple[str, str]]) -> str:
    """Return the call data of `aggregate3` for calls of contracts with call data, all in hexadecimal with 0x.

    >>> len(encode_calls([('0x' + 40 * 'a', '0x70a08231')]))
    522
    """
    bodies = [_encode_call(contract, data.removeprefix('0x')) for contract, data in calls]
    offset, offsets = len(calls) * 32, []
    for body in bodies:
        offsets.append(_word(offset))
        offset += len(body) // 2
    return _AGGREGATE3 + _word(32) + _word(len(calls)) + ''.join(offsets) + ''.join(bodies)


def decode_results(answer: str, number: int) -> list[str | None]:
    """Return what each of `number` calls returned, in hexadecimal without 0x; None for one that failed.

    Raises ValueError if this is no answer of `aggregate3` to so many calls.
    """
    words = answer.removeprefix('0x')
    start = 2 * _number(words, 0)
    if _number(words, start) != number:
        raise ValueError('not as many answers as calls')
    begin = start + _WORD
    return [_decode_result(words, begin + 2 * _number(words, begin + place * _WORD)) for place in range(number)]


def _encode_call(contract: str, data: str) -> str:
    padded = data.ljust(-(-len(data) // _WORD) * _WORD, '0')
    return contract.removeprefix('0x').lower().rjust(_WORD, '0') + _word(1) + _word(96) + _word(len(data) // 2) + padded


def _decode_result(words: str, start: int) -> str | None:
    succeeded = _number(words, start)
    begin = start + 2 * _number(words, start + _WORD)
    size = 2 * _number(words, begin)
    returned = words[begin + _WORD : begin + _WORD + size]
    if len(returned) != size:
        raise ValueError('cut off')
    return returned if succeeded else None


def _word(number: int) -> str:
    return f'{number:064x}'


def _number(words: str, start: int) -> int:
    word = words[start : start + _WORD]
    if len(word) != _WORD:
        raise ValueError('cut off')
    return int(word, 16)
