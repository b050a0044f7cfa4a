# The commands of a fresh clone. Python 3.11 or newer and make are enough; everything else is installed here or cached.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: help venv demo up chaos test lint format lock clean

help:
	@echo "make demo   the guided tour: the whole system on this machine, one payment from POST to history"
	@echo "make up     the whole system in the foreground until Ctrl-C"
	@echo "make test   every test but the long ones"
	@echo "make chaos  100,000 payments while processes are killed, paused and robbed of their state; about half an hour"
	@echo "make lint   formatter, linter, types, import rules"

venv: $(STAMP)

# The stamp is newer than the lock: installed. A second run costs nothing.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("DirectPay needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.13 $(MAKECMDGOALS)")'
	@echo "Installing into $(VENV) (once; about half a minute)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv) and run make again"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: venv
	@$(BIN)/directpay demo

up: venv
	@$(BIN)/directpay up

chaos: venv
	@$(BIN)/directpay chaos

test: venv
	@$(BIN)/pytest

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

format: venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Exact versions with hashes, one file for Python 3.11 to 3.13 on every platform. Run after changing a dependency.
lock:
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	@$(VENV)/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command "make lock" --quiet -o requirements.lock
	@$(VENV)/lock/bin/uv pip compile pyproject.toml --extra local --group dev --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --quiet -o requirements-dev.lock
	@rm -rf $(VENV)/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
