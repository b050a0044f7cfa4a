# The commands of a fresh clone. Python 3.11 or newer and make are enough; everything else is installed here or cached.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What `directpay` needs, and what tests and lint need beside; each installed once, when its lock or pyproject.toml changed.
RUN := $(VENV)/installed
DEV := $(VENV)/installed-dev
# Byte code is written when a module is first imported: most never are. Everything has a hash in the lock.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: help venv demo up chaos bench test lint format lock clean

help:
	@echo "make demo   the guided tour: the whole system on this machine, one payment from POST to history"
	@echo "make up     the whole system in the foreground until Ctrl-C"
	@echo "make test   every test but the long ones"
	@echo "make chaos  100,000 payments while processes are killed, paused and robbed of their state; about half an hour"
	@echo "make bench  payments a second of the stream stage beside its peers, and its restore; about a quarter of an hour"
	@echo "make lint   formatter, linter, types, import rules"

venv: $(DEV)

$(RUN): requirements-local.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("DirectPay needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.13 $(MAKECMDGOALS)")'
	@echo "Installing into $(VENV) (once; about half a minute)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv) and run make again"; exit 1; }
	@$(PIP) --require-hashes -r requirements-local.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(RUN)

$(DEV): $(RUN) requirements-dev.lock
	@echo "Installing what tests need (once)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $(DEV)

demo: $(RUN)
	@$(BIN)/directpay demo

up: $(RUN)
	@$(BIN)/directpay up

chaos: venv
	@$(BIN)/directpay chaos

# Rules and wire codec are measured as production's image has them: as C, where it can be made (hatch_build.py).
bench: $(DEV)
	@rm -rf build
	@DIRECTPAY_COMPILED=1 $(BIN)/python -m pip --quiet --disable-pip-version-check wheel --no-deps --no-build-isolation \
		--wheel-dir build . >build.log 2>&1 && $(PIP) --no-deps --target build/compiled build/*.whl && rm build.log \
		|| echo "Nothing is compiled (build.log says why; a C compiler and Python's headers are needed): all is interpreted"
	@PYTHONPATH=$(CURDIR)/build/compiled $(BIN)/directpay bench

# Three at a time, file by file: each third has a Kafka and a Postgres of its own. What is in tests/e2e stays with one
# (tests/one_process_a_stack.py).
# In the order of their names, which has the quick ones last, so that none waits long for another's end.
# One of the three that dies is not replaced: xdist would wait for ever for the tests that it had done (its issue 1378).
test: $(DEV)
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart=0

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Exact versions with hashes, valid for Python 3.11 to 3.13 on every platform. Run after changing a dependency.
# requirements.lock: the processes. -local: with `directpay up` and `demo`. -dev: with tests and lint.
COMPILE = $(VENV)/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --quiet
lock:
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	@$(COMPILE) -o requirements.lock
	@$(COMPILE) --extra local --group build --constraint requirements.lock -o requirements-local.lock
	@$(COMPILE) --extra local --group build --group dev --constraint requirements-local.lock -o requirements-dev.lock
	@rm -rf $(VENV)/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
