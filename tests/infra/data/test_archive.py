"""The file of an export: exact for every value that DynamoDB holds, and refused when a byte of it is not as it was written."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.data import archive
from infra.data.archive import Header, Writer
from infra.data.table import Problem

HEADER = Header('cryptfolio-test', 1, '2026-11-22T15:00:00+00:00', None)
NAMES = st.one_of(st.sampled_from(['B', 'BS', 'M', 'N', 'S', 'header', 'trailer']), st.text(st.characters(codec='utf-8'), min_size=1))
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=20).map('{:f}'.format)
TEXTS = st.text(st.characters(codec='utf-8'))
SCALARS = st.one_of(
    TEXTS.map(lambda value: {'S': value}),
    NUMBERS.map(lambda value: {'N': value}),
    st.binary().map(lambda value: {'B': value}),
    st.booleans().map(lambda value: {'BOOL': value}),
    st.just({'NULL': True}),
    st.lists(TEXTS, min_size=1).map(lambda value: {'SS': value}),
    st.lists(NUMBERS, min_size=1).map(lambda value: {'NS': value}),
    st.lists(st.binary(), min_size=1).map(lambda value: {'BS': value}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner).map(lambda value: {'L': value}), st.dictionaries(NAMES, inner).map(lambda value: {'M': value})),
    max_leaves=12,
)
ITEMS = st.dictionaries(NAMES, VALUES).map(lambda item: item | {'pk': {'S': 'A'}, 'sk': {'S': 'B'}})


def item(number: int, **attributes: Any) -> dict[str, Any]:
    return {'pk': {'S': f'USER#{number}'}, 'sk': {'S': 'USER'}, 'kind': {'S': 'user'}} | attributes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / 'export.jsonl'
    write(path, [item(1, name={'S': 'line\u2028 break\n'}), item(2, hash={'B': b'\x00\xff'}), item(3)])
    return path


def write(path: Path, items: list[dict[str, Any]], header: Header = HEADER) -> None:
    writer = Writer.new(path, header, {0: None})
    writer.write(items)
    writer.finish()


def told(path: Path) -> list[dict[str, Any]]:
    return [found for found, _ in archive.check(path).items()]


@given(ITEMS)
def test_every_value_comes_back_as_it_was(values: dict[str, Any]) -> None:
    line = archive.encode(values)

    assert archive.decode(line) == values
    assert line.count(b'\n') == 1


def test_a_whole_file_is_read_again(file: Path) -> None:
    checked = archive.check(file)

    assert (checked.header, checked.kinds) == (HEADER, {'user': 3})
    assert [found['pk']['S'] for found in told(file)] == ['USER#1', 'USER#2', 'USER#3']


def test_items_are_read_from_the_byte_at_which_one_begins(file: Path) -> None:
    checked = archive.check(file)
    for found, offset in checked.items():
        rest = [later for later, _ in checked.items(offset)]
        assert [later['pk'] for later in rest] == [one['pk'] for one in told(file) if one['pk']['S'] > found['pk']['S']]


def test_a_file_cut_anywhere_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(Problem, match='is not a whole export'):
            archive.check(file)


def test_a_file_with_any_byte_changed_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    trailer = whole.rstrip(b'\n').rfind(b'\n') + 1
    for place in range(trailer):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Problem):
            archive.check(file)


def test_a_line_taken_out_or_twice_is_refused(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    for changed in (lines[:2] + lines[3:], [*lines[:2], *lines[1:]]):
        file.write_bytes(b''.join(changed))
        with pytest.raises(Problem, match='it was changed or cut'):
            archive.check(file)


@pytest.mark.parametrize('told', [{'version': 2}, {'format': 'other'}])
def test_a_file_of_another_version_or_format_is_refused(file: Path, told: dict[str, Any]) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    header = {'header': json.loads(lines[0])['header'] | told}
    file.write_bytes(b''.join([archive.encode(header), *lines[1:]]))

    with pytest.raises(Problem, match='does not say cryptfolio-export version 1'):
        archive.check(file)


@pytest.mark.parametrize('content', [b'', b'\n', b'\n\n\n', b'[]\n[]\n', b'{}\n{}\n', b'1\n2\n', b'\xff\n\xff\n', b'{"header": {}}\n'])
def test_a_file_of_something_else_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(Problem, match='is not a whole export'):
        archive.check(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match='No such file'):
        archive.check(tmp_path / 'none')


def test_a_file_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    writer = Writer.new(tmp_path / 'export.jsonl', HEADER, {0: None})

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2
    writer.close()


def test_a_file_that_is_there_is_not_overwritten(file: Path) -> None:
    with pytest.raises(Problem, match='is there already'):
        Writer.new(file, HEADER, {})


def test_nothing_but_the_file_is_left_when_it_is_whole(file: Path) -> None:
    assert list(file.parent.iterdir()) == [file]


def test_what_was_written_after_the_last_checkpoint_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / 'export.jsonl'
    writer = Writer.new(path, HEADER, {0: None, 1: None})
    writer.write([item(1)])
    writer.positions[0] = {'pk': {'S': 'USER#1'}}
    writer.checkpoint()
    writer.write([item(2)])
    writer.close()
    path.write_bytes(path.read_bytes() + b'{"pk": {"S": "US')

    resumed = Writer.resume(path)
    assert resumed.positions == {0: {'pk': {'S': 'USER#1'}}, 1: None}
    resumed.write([item(3)])
    resumed.finish()

    assert [found['pk']['S'] for found in told(path)] == ['USER#1', 'USER#3']


def test_a_file_that_was_changed_since_its_checkpoint_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / 'export.jsonl'
    writer = Writer.new(path, HEADER, {0: None})
    writer.write([item(1)])
    writer.checkpoint()
    writer.close()
    path.write_bytes(path.read_bytes().replace(b'USER#1', b'USER#2'))

    with pytest.raises(Problem, match='is not what its checkpoint says'):
        Writer.resume(path)


def test_a_file_without_a_checkpoint_is_not_gone_on_with(file: Path) -> None:
    with pytest.raises(Problem, match='there is nothing to resume'):
        Writer.resume(file)
