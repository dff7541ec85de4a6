# make demo, make test, make test-space, make soak, make lint: each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The tested versions. `make demo CONSTRAINTS=` takes the newest that requirements-linux.txt allows.
CONSTRAINTS ?= constraints.txt
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS:%=-c %)
.PHONY: demo test test-space soak lint clean

demo: $(VENV)/.run
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || \
		echo "The browser tests will be skipped: install Chromium (Debian: apt-get install -y chromium) to run them."
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

# Stages a Space and runs it in a fresh environment, made from the staged requirements.txt alone.
test-space: $(VENV)/.dev
	$(BIN)/python -m pytest -m space $(ARGS)

# What docs/reliability.md tells, at full size; ARGS='--soak-share 0.1 -k killed' runs less of it.
soak: $(VENV)/.dev
	$(BIN)/python -m pytest -m soak $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; give one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements-linux.txt $(CONSTRAINTS) $(VENV)/.python
	$(INSTALL) -r requirements-linux.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(INSTALL) -r requirements-dev.txt
	@touch $@
