# The front door. `make demo` and `make test` each do all their own set-up on a fresh Debian or Ubuntu with Python 3.11 or later.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n $(or $(WORKERS),2) --dist loadscope -q
MESSAGES := $(patsubst %.po,%.mo,$(shell find src -name '*.po' 2>/dev/null))
# What runs on both databases.
ROOMS_AND_DOORS := tests/server

.DEFAULT_GOAL := help
.PHONY: help setup check test test-server demo bench bundles kill format lock messages clean

help:
	@echo "make demo     a running system: server, four terminals, the whole story"
	@echo "make test     all tests"
	@echo "make check    style, types, walls"
	@echo "make bundles  the till's releases as bundles, into build/bundles"
	@echo "make kill     every kill point (make test runs a sample)"
	@echo "make bench    the measured numbers"
	@echo "make setup    only the environment: .venv/bin/evertill, .venv/bin/evertill-terminal"

# --- set-up ---------------------------------------------------------------------------------------------------------

.venv/.installed: pyproject.toml locks/dev.txt
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
	$(BIN)/python tools/with_postgres.py $(PYTEST) $(ROOMS_AND_DOORS)
	$(PYTEST) tests

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

format:
	$(BIN)/ruff format src tests till tools
	$(BIN)/ruff check --fix-only src tests till tools

lock:
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o locks/dev.txt --no-emit-package evertill
	for extra in server terminal; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra $$extra -c locks/dev.txt pyproject.toml -o locks/$$extra.txt; done

clean:
	rm -rf build .venv
