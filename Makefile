# Everything a user or a developer runs. `make` alone lists the targets.
# Written for GNU make 3.81 and later; the installation's logic is in scripts/install.sh.

# A process has one thread and a core has one process: pools that compete are far slower.
WORKERS ?= 2
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export POLARS_MAX_THREADS := 1
export RAYON_NUM_THREADS := 1

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow bench docs lint types contracts unit format install install-base \
	constraints clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: install-base ## reproduce a paper's claims in minutes; prints the claims and the report's path
	@$(BIN)/hone run parity --preset quick

test: install ## everything CI checks: style, types, import directions, tests
	@$(MAKE) --no-print-directory lint contracts types unit

test-slow: install ## the longer tests: minutes, some need the package index
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

bench: install ## measure speed on this machine
	$(BIN)/python -m benchmarks.run

lint: install ## style and format
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

types: install ## static types
	$(BIN)/python -m basedpyright --pythonpath $(BIN)/python

contracts: install ## the direction of imports
	$(BIN)/lint-imports

unit: install ## the tests alone
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 10

docs: install ## write the pages that come from the code
	$(BIN)/python scripts/algorithms_page.py

format: install ## rewrite the code in the project's format
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

install: ## .venv with everything for development (nothing to do where it is up to date)
	@sh scripts/install.sh dev

install-base: ## .venv with only what hone runs on
	@sh scripts/install.sh base

constraints: install ## write constraints.txt anew from what .venv holds
	@sh scripts/constraints.sh

clean: ## remove caches and build outputs (never runs/)
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## clean, and remove .venv
	rm -rf .venv
