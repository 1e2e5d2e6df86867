# Two commands matter: `make demo` shows the product, `make test` proves it. Both make what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000

RUN := .venv/.ready
TOOLS := .venv-test/.ready
BIN := .venv-test/bin
CODE := ballatoio tests tools scripts bench

.PHONY: help demo test check suite suite-postgresql browser bench crash fix messages lock wheel

help: ## Say what can be asked
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 28

demo: $(RUN) ## Show the product: demo data, server and worker on http://localhost:$(PORT)
	PORT=$(PORT) .venv/bin/ballatoio demo

test: check suite suite-postgresql browser ## Everything: linters, types, both databases, the browser

check: $(TOOLS) ## Linters and types
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	find ballatoio -name '*.html' -print0 | xargs -0 $(BIN)/djade --check --target-version 5.2
	$(BIN)/djlint --lint --quiet ballatoio
	$(BIN)/reuse lint --quiet

suite: $(TOOLS) ## The suite on SQLite
	$(BIN)/pytest -m "not e2e"

suite-postgresql: $(TOOLS) ## The suite on PostgreSQL
	scripts/with_postgresql $(BIN)/pytest -m "not e2e"

browser: $(TOOLS) ## The stories told in a real browser
	scripts/need_browser
	BALLATOIO_TEST_FILE=1 DJANGO_ALLOW_ASYNC_UNSAFE=1 $(BIN)/pytest -m e2e

bench: $(TOOLS) ## Measure, and write docs/performance.md (BENCH=--quick for a small run)
	PG_DURABLE=1 scripts/with_postgresql $(BIN)/python -m bench $(BENCH)

crash: $(TOOLS) ## Kill the server 20 times under four writing clients, on both databases
	CRASH_KILLS=20 $(BIN)/pytest -m crash -s
	CRASH_KILLS=20 PG_DURABLE=1 scripts/with_postgresql $(BIN)/pytest -m crash -s

fix: $(TOOLS) ## Format and mend what can be mended alone
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	find ballatoio -name '*.html' -print0 | xargs -0 $(BIN)/djade --target-version 5.2

messages: $(TOOLS) ## Collect the sentences to translate, and compile the translations
	cd ballatoio && ../$(BIN)/python -m django makemessages --settings tests.settings --pythonpath .. -l en -l ar --no-location --no-obsolete
	cd ballatoio && ../$(BIN)/python -m django compilemessages --settings tests.settings --pythonpath ..

wheel: $(TOOLS) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

lock: $(TOOLS) ## Choose the newest compatible versions again, with their hashes
	$(BIN)/uv pip compile $(LOCK) --upgrade --group build pyproject.toml -o requirements.txt > /dev/null
	$(BIN)/uv pip compile $(LOCK) --upgrade --group test -c requirements.txt pyproject.toml -o requirements-test.txt > /dev/null

LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.venv/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv-test/.ready: requirements-test.txt
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	touch $@
