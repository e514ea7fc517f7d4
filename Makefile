# The front door. `make demo` and `make test` each do all their own set-up on a fresh Debian or Ubuntu with Python 3.11 or later.

PYTHON ?= python3
BIN := .venv/bin
# Stories with real processes wait more than they work: three workers keep two cores busy.
PYTEST := $(BIN)/pytest -n $(or $(WORKERS),3) --dist loadscope --no-loadscope-reorder -q
MESSAGES := $(patsubst %.po,%.mo,$(shell find src -name '*.po' 2>/dev/null))

.DEFAULT_GOAL := help
.PHONY: help setup check test postgres long demo bench bundles kill pictures format lock messages clean

help:
	@echo "make demo     a running system: server, four terminals, the whole story"
	@echo "make test     the tests, on SQLite"
	@echo "make postgres rooms and doors again, on a throw-away PostgreSQL"
	@echo "make long     whole stories and every page: what takes half a minute or more each"
	@echo "make check    style, types, walls"
	@echo "make bundles  the till's releases as bundles, into build/bundles"
	@echo "make kill     every kill point (make test runs a sample)"
	@echo "make bench    the measured numbers"
	@echo "make pictures the pictures of the documentation, taken anew from a running demo"
	@echo "make setup    only the environment: .venv/bin/evertill, .venv/bin/evertill-terminal"

# --- set-up ---------------------------------------------------------------------------------------------------------

.venv/.installed: pyproject.toml locks/dev.txt
	@echo "setting up .venv and what the system must have: a minute or two, once"
	@$(PYTHON) tools/system_packages.py run
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r locks/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

%.mo: %.po
	@msgfmt --check-format -o $@ $<

messages: $(MESSAGES)

HTMX := src/evertill/server/static/console/vendor/htmx.min.js

setup: .venv/.installed messages $(HTMX)

build/npm/.installed: package.json package-lock.json | .venv/.installed
	@mkdir -p build/npm && cp package.json package-lock.json .npmrc build/npm/
	@cd build/npm && npm ci --silent --no-audit --no-fund
	@touch $@

$(HTMX): build/npm/.installed
	@mkdir -p $(@D) && cp build/npm/node_modules/htmx.org/dist/htmx.min.js $@

.PHONY: system-test
system-test:
	@$(PYTHON) tools/system_packages.py test

# --- habits ---------------------------------------------------------------------------------------------------------

check: setup
	$(BIN)/ruff format --check src tests till tools
	$(BIN)/ruff check src tests till tools
	PYTHONPATH=src:. $(BIN)/mypy src tests till tools
	$(BIN)/lint-imports
	$(PYTEST) tests/guards

test: system-test setup bundles
	$(PYTEST) -m "not long" tests

# Rooms and doors once more, on the other database.
postgres: system-test setup bundles
	$(BIN)/python tools/with_postgres.py $(PYTEST) -m "not long" tests/server

long: system-test setup bundles
	$(PYTEST) -m long tests

bundles: setup
	@$(BIN)/python tools/bundles.py build/bundles

kill: system-test setup
	$(BIN)/python -m tests.journeys.kill

bench: setup bundles
	$(BIN)/python -m tests.bench.idle
	$(BIN)/python -m tests.bench.polls
	$(BIN)/python -m tests.terminal.journey.measure

demo: setup bundles
	$(BIN)/evertill demo

pictures: setup bundles
	$(BIN)/python tools/pictures.py docs/pictures

format:
	$(BIN)/ruff format src tests till tools
	$(BIN)/ruff check --fix-only src tests till tools

lock:
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o locks/dev.txt --no-emit-package evertill
	for extra in server terminal; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra $$extra -c locks/dev.txt pyproject.toml -o locks/$$extra.txt; done

clean:
	rm -rf build .venv
