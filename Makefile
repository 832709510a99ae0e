# Everything a fresh machine needs: Python 3 and make. `make setup` builds the virtual environment from the lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
export BOT4_HOME ?= $(CURDIR)/var

.PHONY: help setup servers demo test test-all check bench lab mlflow lock clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv with Python 3.13 and the pinned dependencies

$(STAMP): requirements.lock pyproject.toml .python-version
	@scripts/setup

servers: ## what tests start for real (etcd, strace): installed with apt where possible
	@scripts/servers

demo: setup ## the main job on the embedded real sample: no server, no key, no network
	@$(VENV)/bin/bot4 demo

test: setup servers ## the whole test suite
	@$(PY) -m pytest -n 2 --dist loadgroup -m "not slow and not bench"

test-all: setup servers ## the test suite with the slow sets
	@$(PY) -m pytest -n 2 --dist loadgroup -m "not bench"

check: setup ## linters: ruff, mypy, import-linter
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

bench: setup ## speed figures, as ratios measured in one run
	@$(PY) -m pytest tests/bench -m bench -q -s -p no:cacheprovider --timeout 1800

lab: setup ## JupyterLab on the notebooks
	@$(VENV)/bin/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

mlflow: setup ## the MLflow page of all runs, on loopback
	@$(VENV)/bin/mlflow ui --backend-store-uri sqlite:///$(BOT4_HOME)/mlflow.db --host 127.0.0.1 --port 5000

lock: setup ## pin the newest allowed dependencies again
	@uv pip compile pyproject.toml --extra lab --extra dev --python-version 3.13 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.lock

clean: ## remove the virtual environment and what runs left behind
	@rm -rf $(VENV) var build *.egg-info
