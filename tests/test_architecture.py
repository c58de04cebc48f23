"""The rules of the layout, read off the source: who may import whom, and what every route must have."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from app import app
from tests.support.routes import routes

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / 'chalicelib'

# What each part may import of ours, and of other people's.
MAY_IMPORT = {
    'texts': (set(), set()),
    'locales': ({'texts'}, set()),
    'domain': ({'domain', 'errors', 'texts'}, {'embit'}),
    'errors': ({'formats'}, {'chalice'}),
    'formats': (set(), set()),
    'config': (set(), set()),
    'aws': ({'errors'}, {'botocore'}),
    'clock': (set(), set()),
    'charges': (set(), set()),
    'telemetry': ({'config', 'clock'}, set()),
    'models': ({'models', 'domain', 'telemetry', 'aws', 'errors', 'config', 'clock', 'texts'}, {'pynamodb', 'botocore'}),
    'upstream_keys': ({'aws', 'config'}, {'boto3'}),
    'providers': ({'providers', 'upstream_keys', 'domain', 'errors', 'config', 'clock'}, {'requests', 'urllib3'}),
    'queue': ({'telemetry', 'errors', 'config', 'clock'}, {'boto3', 'chalice', 'mypy_boto3_sqs'}),
    'messages': ({'queue', 'config', 'domain'}, set()),
    'mail': ({'mail_templates', 'config', 'errors', 'texts'}, {'boto3', 'botocore'}),
    'mail_templates': ({'texts'}, set()),
    'notice_templates': ({'mail_templates', 'texts'}, set()),
    'vault': ({'aws', 'config'}, {'boto3', 'mypy_boto3_kms'}),
    'passwords': (set(), {'argon2'}),
    'services': (
        {
            'services',
            'domain',
            'models',
            'providers',
            'upstream_keys',
            'messages',
            'mail',
            'mail_templates',
            'notice_templates',
            'passwords',
            'vault',
            'telemetry',
            'charges',
            'errors',
            'config',
            'clock',
            'texts',
            'locales',
        },
        {'pyotp', 'webauthn'},
    ),
    'web': (
        {'web', 'api', 'oauth', 'http_io', 'services', 'models', 'domain', 'errors', 'config', 'clock', 'texts', 'locales'},
        {'chalice', 'jinja2', 'markupsafe'},
    ),
    'auth': ({'domain', 'telemetry', 'errors', 'config', 'clock', 'models'}, {'chalice', 'jose'}),
    'http_io': ({'http_io', 'models', 'telemetry', 'charges', 'errors', 'config', 'clock'}, {'chalice', 'msgspec'}),
    'api': (
        {'api', 'auth', 'http_io', 'services', 'models', 'domain', 'formats', 'errors', 'config', 'clock', 'texts'},
        {'chalice', 'msgspec'},
    ),
    'oauth': (
        {'oauth', 'auth', 'aws', 'http_io', 'services', 'models', 'domain', 'errors', 'config', 'clock'},
        {'chalice', 'oauthlib', 'jose', 'cryptography', 'boto3', 'mypy_boto3_kms'},
    ),
    'jobs': ({'services', 'messages', 'queue', 'telemetry', 'errors', 'config', 'clock'}, {'chalice'}),
}
# The wings of the services, from the top down: each may import itself and those after it. Modules beside them are in no wing.
WINGS = ('users', 'histories', 'portfolios', 'rates', 'ledgers')
# The wings of infra ('infra' are the modules beside what is deployed), and which of them and of the application each may import.
INFRA_MAY_IMPORT = {
    'infra': {'infra'},
    'infra.deploy': {'infra', 'infra.deploy', 'infra.growth', 'chalicelib'},  # what users cost; which upstreams take a key
    'infra.growth': {'infra', 'infra.growth', 'chalicelib'},  # the refresh policy
    'infra.emulator': {'infra', 'infra.emulator'},
    'infra.fake_upstreams': {'infra.fake_upstreams'},  # nothing of what they are held against
    'infra.durable': {'infra', 'infra.durable'},
    'infra.local': {'infra', 'infra.local', 'infra.durable', 'infra.fake_upstreams', 'chalicelib', 'app'},
    'infra.data': {'infra', 'infra.data', 'chalicelib'},
    'infra.operate': {'infra', 'infra.operate', 'infra.data', 'chalicelib'},
    'infra.catalogue': {'infra.catalogue', 'chalicelib'},
}
# Cost a cold start dearly, so they load where they are used.
NEVER_AT_MODULE_LEVEL = {'boto3', 'ccxt', 'jinja2', 'markupsafe', 'embit', 'pyotp', 'webauthn'}
PUBLIC_ROUTES = {
    ('POST', '/oauth/token'),
    ('POST', '/oauth/revoke'),
    ('POST', '/oauth/introspect'),
    ('GET', '/.well-known/oauth-authorization-server'),
    ('GET', '/.well-known/jwks.json'),
    ('GET', '/.well-known/security.txt'),
    ('GET', '/.well-known/change-password'),
    *(('GET', f'/api/currencies{below}') for below in ('', '/cryptocurrencies', '/fiat', '/tokens', '/{code}')),
    *(('GET', f'/api/{path}') for path in ('status', 'sources', 'sources/{key}', 'wallets')),
    ('GET', '/openapi.json'),
    ('GET', '/'),
    ('GET', '/language'),
    ('GET', '/{proxy+}'),
    ('GET', '/static/{name}'),
    *(('GET', f'/reference{below}') for below in ('', '/try', '/try/oauth2-redirect.html')),
    *((method, path) for path in ('/signup', '/confirm', '/take-back', '/login', '/forgot', '/reset') for method in ('GET', 'POST')),
    ('POST', '/logout'),
    ('POST', '/amounts'),
    *(('GET', f'/profile{below}') for below in ('', '/sessions', '/api-keys', '/invitations', '/second-factor', '/passkeys', '/data')),
    *(('POST', f'/profile/data/{what}') for what in ('download', 'delete', 'keep')),
    *(('POST', f'/profile/second-factor/{what}') for what in ('app', 'confirm', 'codes', 'remove')),
    *((method, '/profile/second-factor/begin') for method in ('GET', 'POST')),
    *(('POST', f'/profile/passkeys{below}') for below in ('', '/new')),
    *((method, f'/login/{what}') for what in ('second', 'passkey') for method in ('GET', 'POST')),
    ('POST', '/login/passkey/begin'),
    ('POST', '/profile/invitations'),
    ('GET', '/developers'),
    *(('GET', f'/account{below}') for below in ('', '/security', '/applications', '/data')),
    *(('POST', f'/profile/sessions/{what}') for what in ('end', 'end-all')),
    *((method, '/portfolios') for method in ('GET', 'POST')),
    ('GET', '/portfolios/new'),
    *(('GET', f'/portfolios/{{portfolio_id}}/{what}') for what in ('statement', 'explain')),
    *((method, '/statement/verify') for method in ('GET', 'POST')),
    ('GET', '/portfolios/{portfolio_id}'),
    *((method, f'/portfolios/{{portfolio_id}}/{what}') for what in ('settings', 'delete', 'addresses') for method in ('GET', 'POST')),
    *((method, '/portfolios/{portfolio_id}/import') for method in ('GET', 'POST')),
    *(('POST', f'/portfolios/{{portfolio_id}}/{kind}') for kind in ('accounts', 'offsets')),
    *((method, '/portfolios/{portfolio_id}/share') for method in ('GET', 'POST')),
    ('POST', '/portfolios/{portfolio_id}/share/revoke'),
    ('GET', '/s/{token}'),
    ('GET', '/status'),
    *(('GET', f'/portfolios/{{portfolio_id}}/{kind}/new') for kind in ('addresses', 'accounts', 'offsets')),
    *(
        (method, f'/portfolios/{{portfolio_id}}/{part}{below}')
        for part in ('addresses/{address_id}', 'accounts/{account_id}', 'offsets/{offset_id}')
        for below in ('', '/delete')
        for method in ('GET', 'POST')
    ),
    *(('POST', f'/profile/{what}') for what in ('name', 'email', 'password', 'remote', 'revoke', 'api-keys', 'api-keys/revoke')),
    *((method, '/oauth/applications') for method in ('GET', 'POST')),
    ('GET', '/oauth/applications/new'),
    *((method, '/oauth/authorize') for method in ('GET', 'POST')),
    *((method, '/oauth/applications/{client_id}') for method in ('GET', 'POST')),
    *((method, '/oauth/applications/{client_id}/secret') for method in ('GET', 'POST')),
    *((method, '/oauth/applications/{client_id}/delete') for method in ('GET', 'POST')),
}
OF_THE_API_FOR_PAGES = tuple(
    f'chalicelib.api.{module}'
    for module in ('answers', 'presenters.', 'requests.fields', 'requests.credentials', 'requests.body', 'openapi.')
)
ENTRY_POINTS = (
    'chalicelib.auth',
    *(f'chalicelib.jobs.{module}' for module in ('refresh', 'purge', 'rates', 'histories', 'sweep')),
)
# Whole seconds would be too coarse there, and no amount is near.
MAY_MAKE_FLOATS = {
    'models/retries.py': 'pauses between two tries of a request to DynamoDB',
    'services/ledgers/upstream_gate.py': 'the wait for a turn, in milliseconds, as time.sleep takes it',
    'web/charts.py': 'pixels',
    'services/portfolios/contributions.py': 'the pause before a ledger is looked for again',
}
# What makes text of values: JSON, CSV and archives of them; instants and days; amounts. Providers do it as their upstreams want it.
MAKES_TEXT = re.compile(
    r'\bjson\.dumps?\b|\b\w+_to_json\b|\bto_csv\b|\bcsv\.(writer|DictWriter)\b|\bzipfile\b'
    r'|\bsortable\b|\.isoformat\b|\bstrftime\b|\blocales\b|:[,.0-9]*f\}'
)
# What answers and files for people say is presented in api/presenters and web.
MAY_MAKE_TEXT = {
    'domain/instants.py': 'the notation of sort keys',
    'domain/money.py': 'the notation in which amounts are stored, and a count of decimals',
    'domain/rates.py': 'the notation in which prices are stored',
    'domain/tables.py': 'CSV, for those who present it',
    'models/attributes.py': 'stored',
    'models/daily_closes.py': 'stored',
    'models/history.py': 'stored, and sort keys',
    'models/idempotency.py': 'stored: an answer that was built, to be given again; and a key',
    'models/linked_subject.py': 'a key',
    'models/rates.py': 'stored, and sort keys',
    'models/sealed.py': 'stored',
    'models/snapshot.py': 'sort keys',
    'models/transaction.py': 'sort keys',
    'services/histories/staleness.py': 'digests, which are compared',
    'services/portfolios/accounts.py': 'credentials, to be encrypted and stored',
    'services/portfolios/transactions.py': 'a sort key',
    'services/rates/daily_closes.py': 'days, to be compared with stored ones',
    'services/users/new_factors.py': 'an instant within the sentence of an error',
    'services/users/notices.py': 'instants in mails',
    'services/users/passkeys.py': 'options in the JSON of WebAuthn, which the browser reads',
}
PATH_VARIABLES = {
    '': 'proxy+',
    'portfolios': 'portfolio_id',
    'addresses': 'address_id',
    'accounts': 'account_id',
    'offsets': 'offset_id',
    'applications': 'client_id',
    'currencies': 'code',
    'sources': 'key',
    's': 'token',
    'balances': 'currency',
    'static': 'name',
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob('*.py') if path.relative_to(PACKAGE).parts != ('__init__.py',))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imports(path: Path, *, module_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body if module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            if node.module in ('chalicelib', 'infra'):
                yield from (f'{node.module}.{alias.name}' for alias in node.names)
            else:
                yield node.module or ''


def imported_modules(path: Path) -> Iterator[str]:
    """Like `imports`, but with each name of `from package import name` in full, so that `from chalicelib.services import x` is seen."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('path', modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path):
    ours, theirs = MAY_IMPORT[part_of(path)]

    for name in imports(path):
        top, _, rest = name.partition('.')
        if top == 'chalicelib':
            assert rest.split('.')[0] in ours, f'{part_of(path)} must not import {name}'
        elif top not in sys.stdlib_module_names:
            assert top in theirs, f'{part_of(path)} must not import {name}'


def test_pages_have_of_the_api_only_what_builds_its_answers_checks_its_fields_and_describes_it():
    used = {name for path in modules() if part_of(path) == 'web' for name in imported_modules(path) if name.startswith('chalicelib.api')}

    assert {name for name in used if not name.startswith(OF_THE_API_FOR_PAGES)} == set()


def wing_modules() -> list[Path]:
    return [path for path in modules() if path.relative_to(PACKAGE).parts[0] == 'services' and path.parent.name in WINGS]


@pytest.mark.parametrize('path', wing_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_service_imports_from_a_wing_above_its_own(path: Path):
    above = {f'chalicelib.services.{wing}' for wing in WINGS[: WINGS.index(path.parent.name)]}

    assert [name for name in imported_modules(path) if '.'.join(name.split('.')[:3]) in above] == []


def test_every_folder_of_services_is_a_wing():
    assert {path.name for path in (PACKAGE / 'services').iterdir() if path.is_dir() and path.name != '__pycache__'} == set(WINGS)


def wing_of(module: str) -> str:
    """Return the key of INFRA_MAY_IMPORT that a module belongs to, or its top package."""
    wing = '.'.join(module.split('.')[:2])
    return wing if wing in INFRA_MAY_IMPORT else module.split('.')[0]


def infra_modules() -> list[str]:
    paths = (path.relative_to(ROOT).with_suffix('') for path in (ROOT / 'infra').rglob('*.py'))
    return sorted('.'.join(path.parts).removesuffix('.__init__') for path in paths)


@pytest.mark.parametrize('module', infra_modules())
def test_a_wing_of_infra_imports_what_it_may(module: str):
    path = ROOT / module.replace('.', '/')
    source = path / '__init__.py' if path.is_dir() else path.with_suffix('.py')
    ours = {wing_of(name) for name in imports(source) if name.split('.')[0] in ('infra', 'chalicelib', 'app', 'tests', 'benchmarks')}

    assert ours <= INFRA_MAY_IMPORT[wing_of(module)], module


def test_every_folder_of_infra_with_code_is_a_wing():
    folders = {path.parent.name for path in (ROOT / 'infra').glob('*/__init__.py')}

    assert {f'infra.{folder}' for folder in folders} == set(INFRA_MAY_IMPORT) - {'infra'}


def test_the_application_names_infra_only_where_chalices_command_starts():
    namers = {path.name for path in [*modules(), ROOT / 'app.py'] if any(name.split('.')[0] == 'infra' for name in imports(path))}

    assert namers == {'app.py'}
    assert not any(name.split('.')[0] == 'infra' for name in imports(ROOT / 'app.py', module_level=True))


@pytest.mark.parametrize('path', modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_heavy_is_imported_at_module_level(path: Path):
    assert not {name.split('.')[0] for name in imports(path, module_level=True)} & NEVER_AT_MODULE_LEVEL


def test_only_transport_and_its_connections_open_sockets():
    openers = {path.name for path in modules() if {'requests', 'socket', 'urllib.request', 'http.client'} & set(imports(path))}

    assert openers == {'connections.py', 'transport.py'}


def test_only_config_reads_the_environment():
    readers = {path.name for path in [*modules(), ROOT / 'app.py'] if re.search(r'\benviron\b|\bgetenv\b', path.read_text())}

    assert readers == {'config.py'}


def test_only_the_clock_reads_the_time():
    reading = re.compile(r'\btime\.(time|time_ns|monotonic|perf_counter)\b|\bdatetime\.(now|utcnow)\b|\bdate\.today\b')
    readers = {path.name for path in [*modules(), ROOT / 'app.py'] if reading.search(path.read_text())}

    assert readers == {'clock.py'}


def test_only_ledger_keys_spells_out_the_keys_of_ledgers():
    spellers = {path.name for path in modules() if any('LEDGER#' in text for text in texts_outside_docstrings(path))}

    assert spellers == {'ledger_keys.py'}


def texts_outside_docstrings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node) is not None}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_answers_have_their_types_in_one_package_and_are_built_in_another():
    typed = {str(path.relative_to(PACKAGE)) for path in modules() if re.search(r'\bTypedDict\b', path.read_text())}
    formatting = {str(path.relative_to(PACKAGE)) for path in modules() if 'chalicelib.formats' in imports(path)}

    assert {name for name in typed if not name.startswith('api/answers/')} == set()
    assert {name for name in formatting if not name.startswith('api/presenters/')} == {'errors.py'}


def test_below_the_views_values_become_text_only_to_be_stored_compared_or_mailed():
    below = [path for path in modules() if part_of(path) in ('services', 'models', 'domain', 'jobs')]
    makers = {str(path.relative_to(PACKAGE)) for path in below if MAKES_TEXT.search(path.read_text())}

    assert makers == MAY_MAKE_TEXT.keys()


LONGEST_FILE = 300  # lines
# Functions that are called by the name of their module, such as `currencies.find`, so that a short verb says enough there.
VERBS_OF_MODULES = {'every', 'find', 'parse', 'read', 'refresh', 'send', 'store'}
# The same thing in two packages: a function of AWS Lambda and what it calls.
SAME_THING = {'fetch_rates'}


def test_files_are_short_enough_to_be_one_thing():
    tracked = [*(ROOT / 'chalicelib').rglob('*.py'), *(ROOT / 'infra').rglob('*.py')]
    longer = {str(path.relative_to(ROOT)) for path in tracked if len(path.read_text().splitlines()) > LONGEST_FILE}

    assert longer == set()


def test_no_public_name_means_two_things():
    places: dict[str, set[str]] = {}
    for path in modules():
        package = '/'.join(path.relative_to(PACKAGE).with_suffix('').parts[:2] if part_of(path) == 'services' else [part_of(path)])
        for node in ast.parse(path.read_text()).body:
            # The types of answers mirror what they show, and are always written `answers.Address`.
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith('_') and path.parent.name != 'answers':
                places.setdefault(node.name, set()).add(str(path.relative_to(PACKAGE)) if isinstance(node, ast.ClassDef) else package)

    ambiguous = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in ambiguous.items() if name not in VERBS_OF_MODULES | SAME_THING} == {}


def test_every_package_has_an_init_and_those_of_handlers_are_empty():
    folders = {path.parent for path in modules()}

    assert all((folder / '__init__.py').exists() for folder in folders)
    for empty in (
        '',
        'http_io',
        'jobs',
        'api',
        'services',
        'services/ledgers',
        'services/rates',
        'services/portfolios',
        'services/histories',
        'services/users',
        'oauth',
        'web',
    ):
        assert (PACKAGE / empty / '__init__.py').read_text() == ''


def test_every_private_route_has_the_authorizer():

    without = {route for route, entry in routes().items() if entry.authorizer is None}
    assert without == PUBLIC_ROUTES
    assert {entry.authorizer.name for entry in routes().values() if entry.authorizer} == {'bearer'}


def test_one_name_for_the_variable_at_each_place_of_a_path():
    for path in app.routes:
        parts = path.split('/')
        for before, part in pairwise(parts):
            if part.startswith('{'):
                assert part == f'{{{PATH_VARIABLES[before]}}}', path


def test_paths_have_no_trailing_slash():
    assert [path for path in app.routes if path.endswith('/')] == ['/']


def test_function_names_are_unique():
    views = [function.__name__ for function in {entry.view_function for entry in routes().values()}]
    handlers = [name for name in app.handler_map if name not in views and not name.startswith(('refuse ', 'head '))]

    assert len(views) == len(set(views))
    assert set(handlers) == {
        *('bearer', 'refresh_ledgers', 'refresh_accounts', 'purge_portfolios', 'sweep_due'),
        *('fetch_rates', 'update_rates', 'refresh_histories', 'snapshot_portfolios'),
    }


@pytest.mark.parametrize('module', ENTRY_POINTS)
def test_a_lambda_entry_point_imports_without_the_app(module: str):
    script = f'import sys, {module}; sys.exit("app" in sys.modules)'

    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_the_authorizer_imports_neither_the_models_nor_the_aws_sdk():
    script = (
        'import sys, chalicelib.auth;sys.exit(bool({"boto3", "botocore", "pynamodb", "requests", "chalicelib.models"} & set(sys.modules)))'
    )

    assert subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=dict(os.environ)).returncode == 0


def test_an_api_call_pays_for_no_library_it_does_not_use():
    unused = {'boto3', 'gettext', 'oauthlib', 'argon2', 'requests', 'embit', 'ccxt', 'jinja2', 'jose', 'cryptography', 'pyotp', 'webauthn'}
    script = f'import sys, app;sys.exit(" ".join({unused} & set(sys.modules)))'

    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)

    assert done.stderr.strip() == ''


def test_no_garbage_is_collected_while_the_application_is_imported():
    script = """
import gc, sys
passes = []
gc.callbacks.append(lambda phase, info: passes.append('chalice' in sys.modules and gc.get_freeze_count() < 10_000))
import app
gc.collect()
print(gc.isenabled(), any(passes))
"""

    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ('True False\n', '')


def makes_a_float(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        joins_paths = isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
        return not joins_paths
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'float'


def test_floats_are_made_only_where_no_amount_is_near():
    makers = {
        str(path.relative_to(PACKAGE)) for path in modules() if any(makes_a_float(node) for node in ast.walk(ast.parse(path.read_text())))
    }

    assert makers == MAY_MAKE_FLOATS.keys()


# What makes an item where there is none, and is meant to: nobody takes any of these away, or it is made with what it belongs to.
MAY_MAKE_WHAT_IS_NOT_THERE = {
    'models/attempts.py record',
    'models/history.py request',
    'models/history.py request_and_lease',  # `remove_history` follows where the portfolio is gone
    'models/job_run.py note',
    'models/ledger.py make_due',
    'models/memberships.py create_derived',
    'models/request_count.py add',
    'models/second_factor.py keeping',  # with a passkey, which needs it
    'models/upstream.py succeed',
}


def updates_unconditionally(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name, first = getattr(node.func, 'attr', getattr(node.func, 'id', '')), node.args[0]
    if name == 'Write':
        return ast.unparse(first) == 'Operation.UPDATE' and len(node.args) < 3 and all(given.arg != 'condition' for given in node.keywords)
    if name in ('update_if', 'attempt_update'):
        choices = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
        return any(isinstance(condition, ast.Constant) and condition.value is None for condition in choices)
    return name == 'update' and isinstance(first, ast.List) and all(given.arg != 'condition' for given in node.keywords)


def test_an_update_without_a_condition_is_of_what_nobody_can_have_taken_away():
    """DynamoDB makes an item that is not there: what a user revoked, removed or ended meanwhile would come back."""
    unconditional = {
        f'{path.relative_to(PACKAGE)} {function.name}'
        for path in modules()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef) and any(updates_unconditionally(node) for node in ast.walk(function))
    }

    assert unconditional == MAY_MAKE_WHAT_IS_NOT_THERE


def test_the_project_speaks_of_itself_alone():
    # Written in pieces so that this file does not find itself.
    words = re.compile('|'.join(('/wo' + 'rk/', r'\.\./\.lib' + 'rary', 'sub' + 'agent', 'issue #' + r'\d')))
    tracked = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [ROOT / name for name in tracked.split('\0') if name and not name.endswith('.json')]

    assert [str(path) for path in texts if path.exists() and words.search(path.read_text(errors='replace'))] == []


def test_no_test_module_is_imported_by_another():
    importers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / 'tests').rglob('*.py')
        if any(re.match(r'tests\..*\btest_\w+$', name) for name in imports(path))
    }

    assert importers == {'tests/e2e/test_deployed.py'}  # it holds the deployed API to the flows of the local one


def test_what_folders_of_tests_share_is_in_tests_support():
    crossings = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / 'tests').rglob('*.py')
        for name in imports(path)
        if name.startswith('tests.') and not name.startswith('tests.support')
        if name.split('.')[1] != path.relative_to(ROOT / 'tests').parts[0]
    }

    assert crossings == {('tests/support/chromium.py', 'tests.e2e.conftest')}  # for a type only: fixtures are in no module of support
