"""Backups of a home server."""

import sys
from pathlib import Path

import pytest

from chalicelib.config import VERSION
from infra.durable.folder import Folder
from infra.local import home
from infra.local.people_first import JOBS

PYTHON = """#!/bin/sh
# in place of `python -m infra.data export --all FILE` and `migrate`
if [ "$3" = export ]; then echo data of "$AWS_SDK_UA_APP_ID" > "$5"; fi
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    python = tmp_path / 'python'
    python.write_text(PYTHON)
    python.chmod(0o700)
    monkeypatch.setattr(sys, 'executable', str(python))
    folder = Folder(tmp_path / 'data')
    folder.backups.mkdir(parents=True)
    folder.keys.write_text('keys')
    return folder


def test_data_is_saved_by_a_job_before_each_change_of_version_even_one_that_was_made_and_taken_back(folder: Folder) -> None:
    (folder.backups / f'2020-01-01-before-{VERSION}.jsonl').write_text('data of another day')
    (folder.backups / f'before-{VERSION}.jsonl').write_text('data of another day')
    folder.version = '0.0.1'

    home.upgrade(folder)

    assert folder.version == VERSION
    [new] = [path for path in folder.backups.glob('*.jsonl') if path.read_text() == f'data of {JOBS}\n']
    assert new.with_suffix('.keys.json').read_text() == 'keys'
    assert not list(folder.backups.glob('*.new')) + list(folder.backups.glob('*.unfinished'))

    home.upgrade(folder)  # of this version already: nothing to save

    assert len(list(folder.backups.glob('*.jsonl'))) == 3
