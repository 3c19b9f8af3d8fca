VENV ?= .venv
PYTHON ?= python3
PIP_INSTALL = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: system $(VENV)/.grader ## set up, grade the sample submissions, show the results
	@$(VENV)/bin/assay demo

.PHONY: test
test: system $(VENV)/.test ## set up and run all tests
	@$(VENV)/bin/ruff check --quiet . && $(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadgroup

.PHONY: lint
lint: $(VENV)/.test ## style and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy assay

.PHONY: verify
verify: system $(VENV)/.grader ## prove that the checks of all exercises are good, and draw who kills whom
	@$(VENV)/bin/assay verify

.PHONY: doctor
doctor: system $(VENV)/.grader ## say what the sandbox on this machine holds
	@$(VENV)/bin/assay doctor

.PHONY: benchmark
benchmark: system $(VENV)/.grader ## grade the same submissions with ours, nbgrader and Otter (45 minutes)
	@$(VENV)/bin/python -m benchmarks --plot docs/pictures/benchmark.svg

.PHONY: clean
clean: ## remove what make built (the environment, the demo course)
	rm -rf $(VENV) demo .pytest_cache .ruff_cache .mypy_cache *.egg-info

# Bubblewrap makes the best sandbox; without it the confined-process tier is used, and `assay doctor` says so.
.PHONY: system
system:
	@if command -v bwrap >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing bubblewrap from Debian ..."; \
		apt-get update -qq >/dev/null && apt-get install -y -qq bubblewrap libseccomp2 >/dev/null 2>&1 \
		|| echo "bubblewrap could not be installed. Going on without it; see 'make doctor'."; \
	else \
		echo "bubblewrap is not installed. For the best sandbox: sudo apt-get install bubblewrap libseccomp2"; \
	fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Assay needs Python 3.11 or newer. Name one with: make PYTHON=/path/to/python3 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The environment could not be made. On Debian: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/.grader: $(VENV)/bin/python constraints.txt pyproject.toml
	@echo "Installing Assay and its libraries into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) '.[grader,data,torch,graph,tensorflow]'
	@touch $@

$(VENV)/.test: $(VENV)/bin/python constraints.txt pyproject.toml
	@echo "Installing Assay, its libraries and its test tools into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) '.[grader,student,data,torch,graph,tensorflow,hub,test]'
	@touch $@ $(VENV)/.grader
