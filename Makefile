SHELL := bash
PY := .venv/bin/python
# Tests that wait for processes and servers leave half a core idle, so each gets two; more gain nothing.
WORKERS := $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? 2 * cores : 8)))
.DEFAULT_GOAL := help
.PHONY: help setup run demo web web-dev test e2e screenshots lint types api-types fmt bench bench-web soak ninety-days lock ci

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with everything for development
	@scripts/venv requirements-dev.lock

run: ## collect candles and depth from the exchange
	@./candlehouse up

demo: ## the whole pipeline against the simulator: no network, no keys
	@./candlehouse demo

web: setup ## build the web app
	@./candlehouse web build

web-dev: setup ## serve the web app's sources as they change, at the API that CANDLEHOUSE_API names (127.0.0.1:8000)
	@$(PY) scripts/web.py dev

test: setup ## all tests; `scripts/servers run make test` runs those with real servers, too
	@$(PY) -m pytest --numprocesses $(WORKERS) --dist worksteal
	@$(PY) scripts/web.py test

e2e: setup web ## the web app in a browser, at a real API, daemon and simulator
	@$(PY) scripts/web.py e2e

screenshots: setup web ## the pictures of all pages in docs/screenshots
	@$(PY) scripts/web.py screenshots

lint: setup ## style, formatting, and who may import whom
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@.venv/bin/lint-imports --no-logo
	@$(PY) scripts/web.py lint
	@$(PY) scripts/api_types.py --check

types: setup ## mypy and tsc, strict
	@$(PY) -m mypy
	@$(PY) scripts/web.py types

api-types: setup ## write the API's description, and the web app's types of it, after a change of the API
	@$(PY) scripts/api_types.py

fmt: setup ## format the code and mend what can be mended
	@$(PY) -m ruff format
	@$(PY) -m ruff check --fix

bench: setup ## measure how fast it is, on real servers
	@scripts/servers run --durable $(PY) -m bench

bench-web: setup web ## measure how smooth the web app is, in a browser
	@$(PY) scripts/web.py measure

soak: setup ## a hundred kills, batches at full size and two thousand cycles, checked against the truth
	@scripts/servers run $(PY) -m bench.soak

ninety-days: setup ## ninety simulated days of ageing: do the stores stop growing?
	@scripts/servers run $(PY) -m bench.ninety_days --svg docs/ninety-days.svg

lock: setup ## resolve requirements*.in into the lock files
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links requirements.in -o requirements.lock
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.lock

ci: lint types ## exactly what CI runs
	@scripts/servers install
	@scripts/servers run $(MAKE) test e2e
