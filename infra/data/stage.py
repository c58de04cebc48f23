"""Which deployment a command is about: the settings of a stage, by the names that the template and `.chalice/config.json` give."""

import json
import os
from pathlib import Path

from chalice.config import Config

from infra import functions, template
from infra.data.table import Problem

_CONFIG = Path(__file__).parents[2] / '.chalice' / 'config.json'


def enter(stage: str | None, table: str | None) -> None:
    """Lead this process to a stage, without one to what the environment says, and to another table of it. Raises Problem."""
    if stage is not None:
        os.environ.update(_settings(stage))
    if table is not None:
        os.environ['TABLE_NAME'] = table
    if 'TABLE_NAME' not in os.environ:
        raise Problem('which table? say --stage STAGE, or set the settings of a stage in the environment')


def _settings(stage: str) -> dict[str, str]:
    """Return settings to import the application with; those that only make or check tokens are stand-ins."""
    own = Config(chalice_stage=stage, config_from_disk=json.loads(_CONFIG.read_text()))
    table = template.load()['Resources']['Table']['Properties']['TableName']['Fn::Sub'].replace('${Stage}', stage)
    return functions.stand_ins(stage) | {'TABLE_NAME': table} | own.environment_variables
