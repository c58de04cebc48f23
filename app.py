"""CryptFolio: composition root. Wiring only."""

from chalice.app import Chalice

from chalicelib import auth, http
from chalicelib.api import addresses, portfolios, user
from chalicelib.jobs import purge, refresh, sweep
from chalicelib.oauth import endpoints, metadata

app = Chalice(app_name='cryptfolio')
app.api.cors = True
app.register_middleware(http.shape_errors, 'http')

for resource in (user, portfolios, addresses):
    app.register_blueprint(resource.bp, url_prefix='/api')

app.register_blueprint(endpoints.bp, url_prefix='/oauth')
app.register_blueprint(metadata.bp, url_prefix='/.well-known')

http.refuse_other_methods(app)

for job in (refresh, purge, sweep, auth):
    app.register_blueprint(job.bp)
