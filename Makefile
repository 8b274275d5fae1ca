# From a clean clone, Python 3.11 or newer and make are enough; `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PARALLEL := --numprocesses auto --dist loadfile
TOOLS  := opa helm helm3 node hadolint chromium everything-server presidio-templates npm-packages

# Compiled files are kept, whatever the shell says: hundreds of test modules and short processes are
# otherwise compiled at each start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install tools demo lint check test conformance nightly bench format lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: $(STAMP)  ## make .venv from requirements.lock (every other target does it when needed)

# Hashes are checked for what is downloaded; the project itself is built by the locked hatchling.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $(PYTHON) is older than Python 3.11; run make with PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo "error: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

tools: $(STAMP)  ## find or install opa, helm, node and the other programs that tests run
	$(BIN)/python tests/tools.py $(TOOLS)

demo: $(STAMP)  ## a simulated Gladly, its MCP backend, the sidecar and an agent, in one terminal
	$(BIN)/sidecar demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint  ## the inner loop: lint, types, floors and every test without sockets; under a minute
	$(BIN)/python -m pytest -m "not sockets and not thorough and not nightly" $(PARALLEL)

# What waits for sockets and programs runs alone, so that no other test is in its way.
test: check tools  ## the gate: everything but the nightly tests, with real sockets and programs
	$(BIN)/python -m pytest -m "thorough and not sockets and not nightly" $(PARALLEL)
	$(BIN)/python -m pytest -m "sockets and not nightly"

conformance: tools  ## the official MCP conformance suite, direct and through the sidecar
	$(BIN)/python -m pytest -rP tests/test_conformance.py

# SOAK_SECONDS=900 make nightly: how long each of the two soaks lasts, 150 seconds unless it is given.
nightly: lint tools  ## the gate, and soak, long fuzz and whole parity of both engines
	$(BIN)/python -m pytest

bench: $(STAMP)  ## measure what the sidecar adds to a call on this machine
	$(BIN)/python tests/bench.py

format: $(STAMP)  ## let ruff rewrite the Python files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Existing pins stay unless UPGRADE=--upgrade; no registry or machine path gets into the files.
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-find-links --no-annotate --no-header $(UPGRADE)

lock: $(STAMP)  ## pin dependencies anew: requirements.lock, the image's, the test programs'
	$(UV_COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(UV_COMPILE) --extra gladly --extra otel -c requirements.lock pyproject.toml -o helm/image/requirements.lock
	$(UV_COMPILE) --no-deps tests/tools.in -o tests/tools.lock

clean:  ## remove .venv and every cache in the checkout
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	rm -rf tests/node/node_modules
