# make demo, make test, make test-space, make lint: each sets up what it needs in .venv.
# make rooms, make rooms-test: in .venv-rooms, since Blender's module needs Python 3.11 and NumPy below 2.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.PHONY: demo test test-space lint clean rooms rooms-test rooms-system

ROOMS_PYTHON ?= python3.11
ROOMS := .venv-rooms
COUNT ?= 20
SEED ?= 0
OUT ?= out/rooms
QUALITY ?= photo
LAYOUT ?= folder
VIEWS ?= 1
# Furniture, an OpenGL that needs no screen, and what Blender's module is linked against.
ROOMS_PACKAGES := sweethome3d-furniture libegl1 libgl1 libgl1-mesa-dri libx11-6 libxrender1 libxfixes3 libxi6 \
	libxkbcommon0 libsm6 libice6

demo: $(VENV)/.run
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || \
		echo "The browser tests will be skipped: install Chromium (Debian: apt-get install -y chromium) to run them."
	$(BIN)/python -m pytest $(ARGS)

# Stages a Space and runs it in a fresh environment, made from the staged requirements.txt alone.
test-space: $(VENV)/.dev
	$(BIN)/python -m pytest -m space $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Rendered rooms: make rooms COUNT=20 SEED=0 OUT=out/rooms [QUALITY=fast] [LAYOUT=sunrgbd] [VIEWS=4] [ARGS="--sensor kv2"]
rooms: $(ROOMS)/.run rooms-system
	$(ROOMS)/bin/python -m train.rooms --count $(COUNT) --seed $(SEED) --out "$(OUT)" --quality $(QUALITY) \
		--layout $(LAYOUT) --views $(VIEWS) $(ARGS)

rooms-test: $(ROOMS)/.run rooms-system
	$(ROOMS)/bin/python -m pytest tests/test_rooms_*.py $(ARGS)

rooms-system:
	@if command -v dpkg >/dev/null && ! dpkg -s $(ROOMS_PACKAGES) >/dev/null 2>&1; then \
		if [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && \
				DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(ROOMS_PACKAGES); \
		else \
			echo "Rooms need Debian's packages: sudo apt-get install $(ROOMS_PACKAGES)"; exit 1; \
		fi; \
	fi

clean:
	rm -rf $(VENV) $(ROOMS) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; give one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements-linux.txt $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-linux.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(ROOMS)/.run: train/rooms/requirements.txt
	@command -v $(ROOMS_PYTHON) >/dev/null && $(ROOMS_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Rooms need Python 3.11, which bpy is built for; give one with: make rooms ROOMS_PYTHON=/path/to/python3.11"; exit 1; }
	$(ROOMS_PYTHON) -m venv $(ROOMS)
	$(ROOMS)/bin/python -m pip install --quiet --disable-pip-version-check -r train/rooms/requirements.txt
	@# For its textures (Apache-2.0) alone: what it depends on is not needed.
	$(ROOMS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps miniworld==2.1.0
	@touch $@
