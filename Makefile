# Everything a newcomer needs; `make help` lists it. Settings: PYTHON=python3.12, TORCH=cpu or TORCH=cuda, JOBS=1, ARGS="...".

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A choice of torch build made once (TORCH=cuda make setup) holds for later runs of make: the stamp's name keeps it.
TORCH ?= $(or $(patsubst $(VENV)/.torch-%,%,$(firstword $(wildcard $(VENV)/.torch-*))),auto)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ARGS ?=
# Each worker is a Python with torch in it, a gigabyte in the end, so that many cores alone don't make many workers.
JOBS ?= logical
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 8 --dist worksteal

# macOS has no `timeout`.
export WITH_TIME_LIMIT := import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], timeout=600).returncode)

.DEFAULT_GOAL := help
.PHONY: help setup demo flagship-nano test test-slow lint format typecheck bench examples lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## make .venv with everything that use, tests and development need
	@echo "Ready. Type: source $(BIN)/activate && serpentune --help"

demo: $(VENV)/.use ## the whole idea in minutes: games, data set, training, evaluation, report
	@$(BIN)/serpentune demo $(ARGS)

# Two processes of one thread each learn faster than one with two: a model of this size gains little from a second thread.
flagship-nano: $(VENV)/.use ## a student that fills 6x6 boards, in 15 minutes on two cores
	@OMP_NUM_THREADS=1 $(BIN)/python -m torch.distributed.run --standalone --nproc-per-node 2 \
		-m serpentune run recipes/flagship-nano.yaml $(ARGS)

test: $(VENV)/.test ## run the tests, without the slow ones
	@$(PYTEST) $(ARGS)

test-slow: $(VENV)/.test ## run every test
	@$(PYTEST) --slow $(ARGS)

lint: $(VENV)/.dev ## check style, format and that no floor imports a higher one
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## mend style and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

typecheck: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

bench: $(VENV)/.use ## run every benchmark; ARGS=--quick for a short run
	@for file in $(wildcard benchmarks/[a-z]*.py); do echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

examples: $(VENV)/.use ## run every example, ten minutes each at most
	@for file in $(wildcard examples/[0-9]*.py); do \
		echo "== $$file"; $(BIN)/python -c "$$WITH_TIME_LIMIT" $(BIN)/python $$file || exit 1; done

lock: ## pin the newest versions that fit pyproject.toml: writes constraints.txt
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	TORCH=cpu build/lock/bin/python scripts/install_torch.py
	build/lock/bin/python -m pip install --quiet --editable '.[dev]'
	{ sed '/^#/!d' constraints.txt; build/lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove .venv, caches and build output; what the demo wrote stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"serpentune needs Python 3.11 or newer, which $(or $(PYTHON),every python3 on PATH) is not. Name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# Each stamp says that one set of packages is installed, so that a second `make test` starts at once.
$(VENV)/.torch-$(TORCH): constraints.txt scripts/install_torch.py | $(BIN)/python
	@echo "Installing torch ($(TORCH))"
	@TORCH=$(TORCH) $(BIN)/python scripts/install_torch.py
	@rm -f $(VENV)/.torch-* && touch $@

$(VENV)/.use: pyproject.toml constraints.txt $(VENV)/.torch-$(TORCH)
	@echo "Installing serpentune and what it needs"
	@$(PIP) --editable '.[gym,images]' && touch $@

$(VENV)/.test: $(VENV)/.use
	@echo "Installing what the tests need"
	@$(PIP) --editable '.[test]' && touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "Installing what development needs"
	@$(PIP) --editable '.[dev]' && touch $@
