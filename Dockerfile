# A home server, see docs/home-server.md: `docker compose up`. The packages are those of the lock file that everything else uses.
FROM python:3.13-slim-bookworm AS packages
WORKDIR /srv
COPY requirements-dev.txt .
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt

FROM python:3.13-slim-bookworm
WORKDIR /srv
COPY --from=packages /srv/.venv .venv
COPY app.py ./
COPY .chalice/config.json .chalice/
COPY chalicelib chalicelib/
COPY infra infra/
RUN .venv/bin/python -m compileall -q app.py chalicelib infra \
    && mkdir -m 0700 /data \
    && chown 10001:10001 /data
USER 10001:10001
ENV DATA=/data HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD [".venv/bin/python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/api/status', timeout=8)"]
ENTRYPOINT [".venv/bin/python", "-m", "infra.local"]
CMD ["serve"]
