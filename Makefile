# Everything runs in .venv, which is made when it is missing and again when the requirements change.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PORT ?= 8000
UPSTREAM ?=
STAGE ?= dev

BIN := .venv/bin
READY := .venv/.installed-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' -)
PYTHONS := python3 python3.13 python3.12 python3.11
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
CODE := app.py chalicelib infra tests $(wildcard benchmarks)

export PORT UPSTREAM

.PHONY: help run test lint types format lock package clean

help: ## Show what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

run: $(READY) ## Run everything on this computer; PORT=8000, UPSTREAM=sample for made-up explorers
	@exec $(BIN)/python -m infra.local

test: lint types ## Check style and types, run all tests
	$(BIN)/python -m pytest -n auto

lint: $(READY) ## Check style
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(READY) ## Check types
	$(BIN)/mypy

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: ## Pin the newest releases of the dependencies; needs uv
	@command -v uv >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	uv pip compile -q --upgrade pyproject.toml -o requirements.txt --python-version 3.11
	uv pip compile -q --upgrade pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt --python-version 3.11

# The application is imported to be packaged, so its settings must have values; those deployed come from elsewhere.
package: $(READY) ## Build the package and template that `make package STAGE=dev` deploys, in build/
	@mkdir -p build
	$(BIN)/python -m infra.gateway > build/gateway.json
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} ISSUER=$${ISSUER:-https://issuer.invalid} JWKS=$${JWKS:-'{"keys": []}'} \
	  $(BIN)/chalice package --stage $(STAGE) --merge-template build/gateway.json build

clean: ## Remove all that can be made again, the virtual environment too
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .chalice/deployments
	find $(wildcard app.py chalicelib infra tests benchmarks) -name __pycache__ -type d -prune -exec rm -rf {} +

# From scratch, so that nothing stays that is no longer required. The stamp comes last: an interrupted installation is done again.
$(READY):
	@found=''; \
	for python in $(PYTHONS); do \
	  if "$$python" -c '$(FITS)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'CryptFolio needs Python 3.11 or newer with its venv module: install it (on Debian python3 and python3-venv)' >&2; exit 1; \
	fi; \
	echo "creating .venv with $$found"; \
	"$$found" -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@
