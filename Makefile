# `make` lists the targets.
PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
.DEFAULT_GOAL := help
.PHONY: help setup run test lint format types unit coverage test-truth bench bench-http bench-coldstart bench-dynamo bench-where bench-auth constraints clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: .venv/.complete .venv-store/.complete ## make the virtual environments .venv and .venv-store (no-op when they are up to date)
	@:

run: .venv/.local .venv-store/.complete ## serve the API on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m portico run

test: lint types coverage ## everything that has to hold: style, types, tests with coverage

test-truth: setup ## the tests of the store on AWS's own DynamoDB Local (needs Java and npm; it is downloaded into .truth)
	@$(BIN)/python -m tests.truth

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: setup ## mypy --strict
	@$(BIN)/mypy

unit: setup ## the tests alone, in one process; ARGS="-k name" chooses
	@$(BIN)/pytest $(ARGS)

coverage: setup ## the tests, in parallel, and what they leave out
	@$(BIN)/pytest -n $(WORKERS) --cov --cov-report=term:skip-covered $(ARGS)

format: setup ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: setup ## time the pure parts and the calls
	@$(BIN)/python -m bench

bench-http: setup ## requests a second through the local gateway
	@$(BIN)/python -m bench.http

bench-coldstart: setup ## what a Lambda container pays before its first answer
	@$(BIN)/python -m bench.coldstart

bench-dynamo: .venv/.bench bench/peer/node/node_modules/.package-lock.json ## the data-access layer against others, which it installs; ARGS=--write renews the table in docs/
	@$(BIN)/python -m bench.dynamo $(ARGS)

bench-where: .venv/.bench ## the where language against cel-python, which it installs
	@$(BIN)/python -m bench.where

bench-auth: setup ## what telling who calls takes, and whether its time says who there is
	@$(BIN)/python -m bench.auth

constraints: ## choose the versions of constraints.txt anew, for what the requirements files ask
	@rm -rf .venv-constraints && $(PYTHON) -m venv .venv-constraints
	@sed '/^-[cr] /d' requirements.txt requirements-local.txt requirements-dev.txt requirements-bench.txt > .requirements-unconstrained.txt
	@.venv-constraints/bin/python $(PIP_INSTALL) -r .requirements-unconstrained.txt
	@{ echo "# Every package of the development environment, exactly: made by 'make constraints'."; \
	   .venv-constraints/bin/python -m pip freeze --disable-pip-version-check; } > constraints.txt
	@rm -rf .venv-constraints .requirements-unconstrained.txt

clean: ## remove everything that the other targets make
	@rm -rf .venv .venv-store .venv-constraints .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage .coverage.* .truth bench/peer/node/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.local: requirements.txt requirements-local.txt constraints.txt
	$(check_python)
	@echo "Installing Portico into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP_INSTALL) -r requirements-local.txt
	@touch $@

.venv/.complete: .venv/.local requirements-dev.txt
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Portico's tests need Python 3.11 or newer (make clean, then PYTHON=... names another); running it needs 3.10." >&2; exit 1; }
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

.venv/.bench: .venv/.complete requirements-bench.txt
	@echo "Installing the peers of the benches into .venv ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements-bench.txt
	@touch $@

# Without npm, or when it fails, nothing is made, and bench.dynamo says that it does without.
bench/peer/node/node_modules/.package-lock.json: bench/peer/node/package.json bench/peer/node/package-lock.json
	@if command -v npm > /dev/null; then \
	   echo "Installing Dynamoose into bench/peer/node ..."; \
	   cd bench/peer/node && npm ci --no-audit --no-fund --loglevel=error > /dev/null || true; \
	 fi

.venv-store/.complete: requirements-store.txt
	$(check_python)
	@echo "Installing the embedded store into .venv-store ..."
	@$(PYTHON) -m venv .venv-store
	@.venv-store/bin/python $(PIP_INSTALL) -r requirements-store.txt
	@touch $@

define check_python
@command -v $(PYTHON) > /dev/null || { echo "Portico needs Python 3.10 or newer; $(PYTHON) is not installed (PYTHON=... names another)." >&2; exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Portico needs Python 3.10 or newer; $$($(PYTHON) --version) is too old (PYTHON=... names another)." >&2; exit 1; }
@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || { echo "$(PYTHON) cannot make virtual environments; install its venv module (on Debian and Ubuntu the package python3-venv)." >&2; exit 1; }
endef
