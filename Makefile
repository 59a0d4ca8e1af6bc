# What people do here. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
# Not from the environment, where some shells keep the name of the machine.
HOST = 127.0.0.1
PORT ?= 3000
BIN := $(VENV)/bin
# What running needs; what tests need beside it; what the benchmarks hold us against.
INSTALLED := $(VENV)/installed
READY := $(VENV)/ready
FOR_TESTS := $(VENV)/installed-for-tests
FOR_BENCHMARKS := $(VENV)/installed-for-benchmarks
PIP_INSTALL := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast fuzz browser check map serve bento bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(READY)  ## the environment alone, in .venv: what running needs

# Tests do without.
$(READY): $(INSTALLED)
	$(BIN)/python scripts/make_ready.py
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): some 1.8 GB, minutes; the last step, unpacking, is quiet"
	$(PIP_INSTALL) --editable .
	@touch $@

$(FOR_TESTS): $(INSTALLED)
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

$(FOR_BENCHMARKS): $(FOR_TESTS)
	$(PIP_INSTALL) --editable '.[bench]'
	@touch $@

browser:  ## Debian's chromium, for the tests of the page, where it is missing and can be had
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then :; \
	else echo "no chromium here, and none can be installed: the tests of the page will be skipped"; fi

demo: install  ## draw pictures, train, serve, ask, and show one heatmap
	$(BIN)/python scripts/demo.py

test: $(FOR_TESTS) browser  ## all tests, two files at once
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-fast: $(FOR_TESTS)  ## tests that take no more than a few seconds each
	$(BIN)/python -m pytest -m "not slow"

fuzz: $(FOR_TESTS)  ## the tests by property again, with thousands of inputs that nobody chose
	$(BIN)/python -m pytest --numprocesses 2 --hypothesis-profile fuzz -m "not slow" $$(grep -rlw given tests)

check: $(FOR_TESTS)  ## lint, format, types, the page's JavaScript, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings service
	$(BIN)/python -m pytest -q tests/test_architecture.py

map:  ## the map in CONTRIBUTING.md, from the first line of every module
	$(PYTHON) scripts/draw_map.py --write

serve: install  ## serve the newest bundle of the model store, on this machine only; HOST=0.0.0.0: to all
	@$(BIN)/python -c "import socket; s = socket.socket(); \
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('$(HOST)', $(PORT)))" 2>/dev/null \
		|| { echo "not started: $(HOST), port $(PORT), is taken or not allowed; make serve PORT=3001 takes another" >&2; exit 2; }
	BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml serve --host $(HOST) --port $(PORT)

bento: install  ## the service with its model as one file, image_classification-….bento
	$(PIP_INSTALL) --quiet uv
	PATH="$(abspath $(BIN)):$$PATH" UV_CONSTRAINT="$(CURDIR)/constraints.txt" BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml build
	BENTOML_DO_NOT_TRACK=true $(BIN)/bentoml export image_classification:latest "$(CURDIR)"

bench: $(FOR_BENCHMARKS)  ## every benchmark, one after the other
	@for program in benchmarks/[a-z]*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

clean:  ## remove the environment and caches; never runs, models or pictures
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
