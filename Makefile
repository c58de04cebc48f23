# Everything runs in .venv, which is made when it is missing and again when the requirements change.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PORT ?= 8000
UPSTREAM ?=
EMAIL ?=
FAULTS ?= 10000
STAGE ?= dev
TABLE ?= keep
SINCE ?= 1h
PARAMETERS := ALARM_EMAIL LOG_DAYS DOMAIN CERTIFICATE_ARN ISSUER MAIL_FROM SIGNING_KEYS REQUESTS_PER_SECOND REQUEST_BURST

BIN := .venv/bin
READY := .venv/.installed-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' -)
BENCH := .venv-bench/.installed-$(shell cat requirements-bench.txt | cksum | tr ' ' -)
AUDIT := .venv-audit/.installed-$(shell cat requirements-audit.txt | cksum | tr ' ' -)
EMULATOR := .venv-emulator/.installed-$(shell cat requirements-emulator.txt | cksum | tr ' ' -)
# The first is that of the functions, which makes their bytecode. All packages have wheels for these, and for no newer one yet.
PYTHONS := python3.13 python3.14 python3.12 python3.11 python3
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
CODE := app.py chalicelib infra tests $(wildcard benchmarks)

# Some tests wait, for processes and leases: one worker more than there are processors uses the time.
export PYTEST_XDIST_AUTO_NUM_WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Tests start many processes, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
export PORT UPSTREAM DATA HOST ISSUER TRUSTED_PROXIES SIGNUP EMAIL

.PHONY: help run serve status logs users user test e2e e2e-remote check-clone test-deployed test-emulator test-stacks abuse audit bench lint types format messages lock vendor package stack plan deploy rollback destroy secret remove-secret secrets clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

run: $(READY) ## Run everything on this computer; PORT=8000, UPSTREAM=sample for fake explorers
	@exec $(BIN)/python -m infra.local

serve: $(READY) ## Run a home server that keeps its data in DATA=folder; PORT, HOST, ISSUER, TRUSTED_PROXIES, SIGNUP
	@exec $(BIN)/python -m infra.local serve

# Those below are about the server that runs on the folder DATA, if that is given, else about a stage on AWS.
THERE = $(if $(DATA),environment=$$($(BIN)/python -m infra.local environment) && eval "$$environment" &&)
WHERE = $(if $(DATA),,--stage $(STAGE))

status: $(READY) ## Show the health of a stage or a home server, and what to do about what is wrong; STAGE=dev, or DATA=folder
	@$(THERE) $(BIN)/python -m infra.operate status $(WHERE)

logs: $(READY) ## Show the errors of all functions of a stage; STAGE=dev, SINCE=1h, REQUEST=id for everything about one request
	@$(BIN)/python -m infra.operate logs --stage $(STAGE) --since $(SINCE) $(if $(REQUEST),--request $(REQUEST))

users: $(READY) ## List users; STAGE=dev, or DATA=folder; AFTER=id for the next page
	@$(THERE) $(BIN)/python -m infra.data users list $(WHERE) $(if $(AFTER),--after $(AFTER))

user: $(READY) ## Create a user; EMAIL=you@example.com, and STAGE=dev, or DATA=folder, whose server need not run
	@$(BIN)/python -m $(if $(DATA),infra.local user,infra.data users create $(WHERE)) "$$EMAIL"

test: $(READY) ## Check style and types, run all tests but those of make e2e
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types build/.tests-compiled
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=15 --durations-min=3 -m 'not e2e and not package and not deployed'

# Once in a clone: each worker would compile all tests for itself, as none waits for the others.
build/.tests-compiled: $(READY)
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null
	@mkdir -p build && touch $@

# A deployment is used by one client, which leaves a processor to the other tests; the stacks follow it. What these printed comes when they have ended.
e2e: $(READY) ## Run local stacks with browsers and clients; the packaged application and the functional tests in an emulated AWS
	@$(MAKE) --no-print-directory --jobs=2 test-deployed test-emulator test-stacks

e2e-remote: $(READY) ## Run the end-to-end tests that apply to any server against a running one; URL=https://... EMAIL=you@example.com
	@$(BIN)/python -m tests.e2e "$(URL)" "$$EMAIL"

check-clone: $(READY) ## Clone, install, package and upload as a first-time user would; PYTHONS="python3.11 python3.14"
	@$(BIN)/python -m tests.clone $(PYTHONS)

test-deployed: override STAGE := dev
test-deployed: export PACKAGE_FOR := host
test-deployed: $(EMULATOR) package ## Run the packaged application in an emulated AWS
	@$(BIN)/python -m infra.emulator --log build/emulator-deployed.log $(BIN)/python -m pytest -v -m deployed tests/e2e tests/infra \
	  > build/test-deployed.log 2>&1; status=$$?; cat build/test-deployed.log; exit $$status

test-stacks: $(READY) ## Run the tests that start local stacks, browsers and clients, or build the package
	@mkdir -p build
	@$(BIN)/python -m pytest -n 2 --dist worksteal --durations=15 --durations-min=3 -m 'e2e or package' tests/e2e tests/infra > build/test-stacks.log 2>&1; status=$$?; cat build/test-stacks.log; exit $$status

test-emulator: $(EMULATOR) ## Run the functional tests against a second emulation of AWS
	$(BIN)/python -m infra.emulator $(BIN)/python -m pytest -n auto tests/functional

# A hash seed, so that sets are in the same order wherever a seed is repeated.
abuse: $(READY) ## Use and attack everything while AWS and explorers fail: at least 10,000 faults; FAULTS=10000
	PYTHONHASHSEED=0 $(BIN)/python -m tests.abuse --faults $(FAULTS)

bench: override STAGE := dev
bench: export PACKAGE_FOR := host
bench: $(BENCH) package ## Measure cold starts, requests, jobs and growth, as docs/performance.md shows them; ten minutes
	@printf '\nMeasured %s on %s processors (%s), load %s, Python %s.\n' "$$(date -u +%F)" "$$(getconf _NPROCESSORS_ONLN)" \
	  "$$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$$(cut -d' ' -f1 /proc/loadavg)" "$$($(BIN)/python -c 'import platform; print(platform.python_version())')"
	@printf '\n## Cold starts\n\n'; $(BIN)/python -m benchmarks.cold_start build/deployment.zip || touch build/.missed
	@printf '\n## Warm requests\n\n'; $(BIN)/python -m benchmarks.endpoints
	@printf '\n## Addresses of a portfolio\n\n'; $(BIN)/python -m benchmarks.growth
	@printf '\n## A first download\n\n'; $(BIN)/python -m benchmarks.first_download 20000
	@printf '\n## Jobs\n'; $(BIN)/python -m benchmarks.jobs
	@printf '\n## Growth\n'; $(BIN)/python -m benchmarks.simulate
	@if [ -e build/.missed ]; then rm build/.missed; echo 'a function takes more than its share: see Cold starts' >&2; exit 1; fi

# Left out: that ecdsa's signing takes a time which depends on the key. python-jose requires it, and signs by cryptography wherever that is installed.
audit: $(AUDIT) ## Compare the requirements with the known vulnerabilities; asks the package index
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --ignore-vuln CVE-2024-23342 -r requirements.txt
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --ignore-vuln CVE-2024-23342 -r requirements-dev.txt

lint: $(READY) ## Check style
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(READY) ## Check types
	$(BIN)/mypy

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

messages: $(READY) ## Collect the texts to translate in translations/, compile the translations
	@$(BIN)/python -m infra.translations

lock: ## Pin the newest releases of the dependencies; needs uv
	@command -v uv >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	uv pip compile -q --upgrade --generate-hashes pyproject.toml -o requirements.txt --python-version 3.11
	uv pip compile -q --upgrade --generate-hashes pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt --python-version 3.11
	uv pip compile -q --upgrade --generate-hashes infra/emulator/requirements.in -o requirements-emulator.txt --python-version 3.11
	uv pip compile -q --upgrade --generate-hashes benchmarks/requirements.in -c requirements-dev.txt -o requirements-bench.txt --python-version 3.11
	uv pip compile -q --upgrade --generate-hashes infra/audit.in -o requirements-audit.txt --python-version 3.11

# Those given to make itself, as in `make deploy STAGE=dev ALARM_EMAIL=me@example.com`: they are remembered, so none comes by accident.
GIVEN = $(foreach name,$(PARAMETERS),$(if $(filter command,$(origin $(name))),'$(name)=$($(name))'))

stack: $(READY) ## Create or update what a stage on AWS keeps: table, queues, keys, alarms; options as for deploy
	@$(BIN)/python -m infra.deploy stack $(STAGE) $(GIVEN)

plan: $(READY) ## Show what a deployment would change, what stands in its way, and what it costs; options as for deploy
	@$(BIN)/python -m infra.deploy plan $(STAGE) $(GIVEN)

deploy: stack ## Deploy or update a stage on AWS; STAGE=dev, and once the options of docs/operations.md
	@$(BIN)/chalice deploy --stage $(STAGE)
	@$(BIN)/python -m infra.deploy check $(STAGE)

rollback: $(READY) ## Return a stage on AWS to its previous release, within seconds; STAGE=dev
	@$(BIN)/python -m infra.deploy rollback $(STAGE)

destroy: $(READY) ## Remove a stage from AWS, except its data; STAGE=dev, TABLE=delete for the data too
	@$(BIN)/python -m infra.deploy destroy $(STAGE) --table $(TABLE)

secret: $(READY) ## Store an upstream's API key, asked for or from standard input; NAME=UPSTREAM_ETHERSCAN_KEY STAGE=dev, or local
	@$(BIN)/python -m infra.deploy secret $(STAGE) "$$NAME"

remove-secret: $(READY) ## Remove an upstream's API key; NAME=UPSTREAM_ETHERSCAN_KEY STAGE=dev
	@$(BIN)/python -m infra.deploy remove-secret $(STAGE) "$$NAME"

secrets: $(READY) ## List the upstreams' API keys of a stage by name; STAGE=dev
	@$(BIN)/python -m infra.deploy secrets $(STAGE)

vendor: $(READY) ## Fetch the newest releases of the npm packages that pages load; needs npm
	$(BIN)/python -m infra.vendor

package: $(READY) ## Build a CloudFormation template of everything, and the code, in build/; STAGE=dev
	$(BIN)/chalice package --stage $(STAGE) build

clean: ## Remove everything that can be rebuilt, including the virtual environments
	rm -rf .venv .venv-emulator .venv-audit .venv-bench build .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .chalice/deployments
	find $(wildcard app.py chalicelib infra tests benchmarks) -name __pycache__ -type d -prune -exec rm -rf {} +

# From scratch, so that nothing stays that is no longer required. The stamp comes last: an interrupted installation is done again.
# The lists are complete, and pip would not find an extra such as coverage[toml] among their hashes: hence --no-deps.
$(READY):
	@found=''; \
	for python in $(PYTHONS); do \
	  if "$$python" -c '$(FITS)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'CryptFolio needs Python 3.11 to 3.14 with its venv module: install it (on Debian python3 and python3-venv)' >&2; exit 1; \
	fi; \
	echo "creating .venv with $$found"; \
	"$$found" -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

# With the same Python as the application: the functions that the emulator starts run in it.
$(EMULATOR): $(READY)
	$(BIN)/python -m venv --clear .venv-emulator
	.venv-emulator/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements-emulator.txt
	@touch $@

$(BENCH): $(READY)
	$(BIN)/python -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.txt
	@touch $@

$(AUDIT): $(READY)
	$(BIN)/python -m venv --clear .venv-audit
	.venv-audit/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements-audit.txt
	@touch $@
