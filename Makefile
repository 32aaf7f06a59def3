# WSGI Lab: one-liners.  `make` prints what there is.
# Words such as SERVER, APP, WORKERS, THREADS, HTTP_PORT reach `lab up` through the
# environment (make exports what stands on its command line): make up SERVER=gunicorn

PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
LOCKS   = requirements
INSTALL = $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv up down status test test-pythons lint audit lock fuzz soak hostile bench bench-trace bench-instructions clean

help: ## print this
	@echo 'make TARGET [WORD=value ...]'; echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo
	@echo 'Words of `make up`, the same as for docker compose (.env.example explains each):'
	@echo '  SERVER APP APP_PATH APP_WSGI APP_REQUIREMENTS APP_ENV_FILE'
	@echo '  WORKERS THREADS CONCURRENCY TRANSPORT HTTP_PORT HTTPS_PORT CONSOLE_PORT'
	@echo '  LAB_TRACE LAB_TRACE_BYTES DATABASE_URL'
	@echo '  for example: make up SERVER=gunicorn WORKERS=2 HTTP_PORT=8090'
	@echo 'PYTHON=python3.13 chooses the Python, VENV=path where the environment is made.'

venv: $(VENV)/.installed-dev ## make the environment for tests and tools

up: $(VENV)/.installed-lab ## start proxy, server and app as local processes; Ctrl-C stops them
	@exec $(BIN)/lab up

down: $(VENV)/.installed-lab ## stop the stack, wherever it was started
	@exec $(BIN)/lab down

status: $(VENV)/.installed-lab ## say what runs and whether it answers
	@exec $(BIN)/lab status

test: $(VENV)/.installed-dev ## run all tests; PYTEST='-k words -x' goes to pytest
	$(BIN)/python -m pytest $(PYTEST)

test-pythons: $(VENV)/.installed-dev ## run the server's tests under each Python from 3.11 to 3.14 that can be had
	@exec $(BIN)/python -m tests.pythons $(PYTEST)

lint: $(VENV)/.installed-dev ## ruff, mypy --strict, bandit, gixy, hadolint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.lint

audit: $(VENV)/.installed-dev ## ask osv.dev about the versions of the lock; needs a network
	@exec $(BIN)/python -m tests.lint.audit

fuzz: $(VENV)/.installed-fuzz ## fuzz paceline with atheris, each target for FUZZ_SECONDS=60
	@exec $(BIN)/python -m tests.fuzz

bench: $(VENV)/.installed-dev ## measure paceline beside gunicorn and a floor; BENCH='--quick'
	@exec $(BIN)/python -m lab.bench $(BENCH)

bench-trace: $(VENV)/.installed-dev ## measure what tracing costs paceline; BENCH='--rounds 3'
	@exec $(BIN)/python -m lab.bench.tracing $(BENCH)

bench-instructions: $(VENV)/.installed-dev ## count instructions for each request, under valgrind; BENCH=--save
	@exec $(BIN)/python -m tests.instructions $(BENCH)

hostile: $(VENV)/.installed-dev ## what a client feels while paceline is attacked; BENCH='--only idle'
	@exec $(BIN)/python -m lab.bench.hostile $(BENCH)

soak: $(VENV)/.installed-dev ## mixed load on paceline: what it holds must not grow; SOAK_MINUTES=60
	@exec $(BIN)/python -m lab.soak $(BENCH)

lock: $(VENV)/.installed-dev ## compile requirements/*.txt anew from pyproject.toml and servers.toml
	$(SERVERS) requires | $(BIN)/uv pip compile $(COMPILE) --group pyproject.toml:dev --upgrade pyproject.toml - --output-file $(LOCKS)/dev.txt
	$(SERVERS) requires | $(BIN)/uv pip compile $(COMPILE) --group pyproject.toml:lab $(AS_DEV) pyproject.toml - --output-file $(LOCKS)/lab.txt
	$(BIN)/uv pip compile $(COMPILE) --group webapp $(AS_DEV) --output-file $(LOCKS)/webapp.txt
	$(BIN)/uv pip compile $(COMPILE) --group console $(AS_DEV) --output-file $(LOCKS)/console.txt
	$(BIN)/uv pip compile $(COMPILE) --group locust $(AS_DEV) --output-file $(LOCKS)/locust.txt
	$(BIN)/uv pip compile $(COMPILE) --group fuzz $(AS_DEV) --output-file $(LOCKS)/fuzz.txt
	$(BIN)/uv pip compile $(COMPILE) --group server-tests $(AS_DEV) --output-file $(LOCKS)/server-tests.txt
	for server in $$($(SERVERS) locks); do \
	    $(SERVERS) requires $$server | $(BIN)/uv pip compile $(COMPILE) $(AS_DEV) - --output-file $(LOCKS)/$$server.txt || exit; \
	done

SERVERS = $(BIN)/python -m lab.install

# dev.txt holds every package that `make venv` installs; the smaller locks take its versions.
COMPILE = --quiet --universal --python-version 3.11 --generate-hashes --no-header \
          --no-emit-index-url --no-emit-find-links
AS_DEV  = --constraints $(LOCKS)/dev.txt --no-annotate

clean: ## remove the environment and caches; var/ (data, logs) stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info server/*.egg-info server/build
	find lab server tests webapp -name __pycache__ -prune -exec rm -rf {} +

# The environment holds exactly what a lock names; lab and paceline themselves are editable.
$(VENV)/.installed-lab: $(LOCKS)/lab.txt pyproject.toml server/pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r $(LOCKS)/lab.txt
	$(INSTALL) --no-deps --no-build-isolation -e ./server -e .
	@touch $@

$(VENV)/.installed-dev: $(LOCKS)/dev.txt $(VENV)/.installed-lab
	$(INSTALL) --require-hashes -r $(LOCKS)/dev.txt
	@touch $@

$(VENV)/.installed-fuzz: $(LOCKS)/fuzz.txt $(VENV)/.installed-dev
	$(INSTALL) --require-hashes -r $(LOCKS)/fuzz.txt
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo 'make: no $(PYTHON) here: install Python 3.11 or newer, or say make PYTHON=/path/to/python' >&2; exit 2; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("make: $(PYTHON) is Python %d.%d: WSGI Lab needs 3.11 or newer; say make PYTHON=python3.13" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'make: this Python cannot make environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
