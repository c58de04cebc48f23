"""CryptFolio: composition root. Wiring only."""

import gc

# Nothing that is imported is garbage: looking for some on the way took an eighth of a cold start.
gc.disable()

from chalice.app import Chalice

from chalicelib import config

# None but under Chalice's command, see docs/decisions/0016-chalice-local.md and 0024-chalice-deploy.md.
if config.chalice_hook() == 'local':
    from infra.local import chalice_local

    chalice_local.prepare()
elif config.chalice_hook() == 'deploy':
    from infra.deploy import chalice_commands

    chalice_commands.take_over()

from chalicelib import auth
from chalicelib.api import accounts, addresses, currencies, histories, offsets, portfolios, sources, user
from chalicelib.api.openapi import route
from chalicelib.http_io import answer_size, conditional, errors, key_use, methods, rate_limiter, request_log, response
from chalicelib.jobs import histories as history_jobs
from chalicelib.jobs import purge, rates, refresh, sweep
from chalicelib.oauth import endpoints, metadata
from chalicelib.web import (
    account_pages,
    address_pages,
    api_keys,
    applications,
    authorize,
    developers,
    hidden_amounts,
    home,
    import_pages,
    invitations,
    languages,
    log_in_steps,
    login,
    not_found,
    offset_pages,
    own_data,
    pages,
    portfolio_forms,
    profile,
    reference,
    second_factors,
    session_list,
    share_links,
    shared,
    signup,
    statements,
    static_files,
    status,
    take_back,
)
from chalicelib.web import portfolios as portfolio_pages

app = Chalice(app_name='cryptfolio', configure_logs=False)
app.api.cors = response.CORS
app.api.binary_types.remove('application/zip')  # says so itself, see `Attachment` in web/pages.py
# The first is the outermost.
for middleware in (
    methods.drop_head_body,
    request_log.log_requests,
    rate_limiter.limit_requests,
    languages.language_middleware,
    errors.error_middleware(pages.render_error),
    answer_size.limit_answers,
    rate_limiter.limit_networks,
    key_use.record_key_use,
    conditional.etag_middleware,
):
    app.register_middleware(middleware, 'http')

for resource in (user, portfolios, histories, addresses, accounts, offsets, currencies, sources):
    app.register_blueprint(resource.bp, url_prefix='/api')

app.register_blueprint(route.bp)
app.register_blueprint(endpoints.bp, url_prefix='/oauth')
app.register_blueprint(metadata.bp, url_prefix='/.well-known')

for page in (
    home,
    languages,
    static_files,
    reference,
    signup,
    login,
    portfolio_pages,
    portfolio_forms,
    address_pages,
    account_pages,
    offset_pages,
    import_pages,
    statements,
    hidden_amounts,
    share_links,
    shared,
    status,
    take_back,
    profile,
    api_keys,
    session_list,
    own_data,
    second_factors,
    log_in_steps,
    invitations,
    developers,
    applications,
    authorize,
):
    app.register_blueprint(page.bp)

methods.add_head_routes(app)
methods.add_405_routes(app)
app.register_blueprint(not_found.bp)  # other methods of an unknown path are left to API Gateway

for job in (refresh, purge, sweep, rates, history_jobs, auth):
    app.register_blueprint(job.bp)

gc.freeze()  # nor is any of it later, so that no request looks through it
gc.enable()
