# What people do here. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 3000
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast browser check map serve bento bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(INSTALLED)  ## the environment alone, in .venv

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

browser:  ## Debian's chromium, for the tests of the page, where it is missing and can be had
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then :; \
	else echo "no chromium here, and none can be installed: the tests of the page will be skipped"; fi

demo: install  ## draw pictures, train, serve, ask, and show one heatmap
	$(BIN)/python scripts/demo.py

test: install browser  ## all tests
	$(BIN)/python -m pytest

test-fast: install  ## tests that take no more than a few seconds each
	$(BIN)/python -m pytest -m "not slow"

check: install  ## lint, format, types, the page's JavaScript, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings service
	$(BIN)/python -m pytest -q tests/test_architecture.py

map:  ## the map in CONTRIBUTING.md, from the first line of every module
	$(PYTHON) scripts/draw_map.py --write

serve: install  ## serve the newest bundle of the model store, on this machine only
	@$(BIN)/python -c "import socket; s = socket.socket(); \
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $(PORT)))" 2>/dev/null \
		|| { echo "not started: port $(PORT) is taken or not allowed; make serve PORT=3001 takes another" >&2; exit 2; }
	BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml serve --host 127.0.0.1 --port $(PORT)

bento: install  ## the service with its model as one file, image_classification-….bento
	PATH="$(abspath $(BIN)):$$PATH" UV_CONSTRAINT="$(CURDIR)/constraints.txt" BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml build
	BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml export image_classification:latest "$(CURDIR)"

bench: install  ## every benchmark, one after the other
	@for program in benchmarks/[a-z]*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

clean:  ## remove the environment and caches; never runs, models or pictures
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
