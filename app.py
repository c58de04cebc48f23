"""CryptFolio: composition root. Wiring only."""

from chalice.app import Chalice

from chalicelib import config

if config.prepares_moto_server():  # only under `chalice local --stage local`, see docs/decisions/0016-chalice-local.md
    from infra.local import chalice_local

    chalice_local.prepare()

from chalicelib import auth, http, telemetry
from chalicelib.api import addresses, currencies, histories, offsets, portfolios, sources, user
from chalicelib.api.openapi import route
from chalicelib.api.requests import rate_limit
from chalicelib.jobs import histories as history_jobs
from chalicelib.jobs import purge, rates, refresh, sweep
from chalicelib.oauth import endpoints, metadata
from chalicelib.web import applications, authorize, home, login, pages, profile, signup

app = Chalice(app_name='cryptfolio', configure_logs=False)
app.api.cors = http.CORS
app.register_middleware(telemetry.measure, 'http')
app.register_middleware(rate_limit.limit_requests, 'http')
app.register_middleware(http.error_middleware, 'http')
app.register_middleware(pages.error_middleware, 'http')
app.register_middleware(http.etag_middleware, 'http')

for resource in (user, portfolios, histories, addresses, offsets, currencies, sources):
    app.register_blueprint(resource.bp, url_prefix='/api')

app.register_blueprint(route.bp)
app.register_blueprint(endpoints.bp, url_prefix='/oauth')
app.register_blueprint(metadata.bp, url_prefix='/.well-known')

for page in (home, signup, login, profile, applications, authorize):
    app.register_blueprint(page.bp)

http.add_405_routes(app)

for job in (refresh, purge, sweep, rates, history_jobs, auth):
    app.register_blueprint(job.bp)
