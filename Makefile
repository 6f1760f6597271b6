# Everything below sets itself up in .venv, with the versions of constraints.txt.
#   make demo    segment the bundled clip and say where the result is (the light installation: no PyTorch)
#   make test    lint, types and tests (everything there is, several GB)

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LIGHT  := $(VENV)/.light
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test chromium fast lint format graph clean

help:
	@sed -n '2,3s/^#   //p' Makefile

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "gsanet needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

$(LIGHT): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	touch $(LIGHT)

# torch comes first: resolving everything at once makes pip look at its many builds again and again.
# The last two, which evaluation and its tests use, ask for older NumPy and OpenCV than they need: taken as they are.
$(READY): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch torchvision
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps vos-benchmark pysodmetrics
	touch $(LIGHT) $(READY)

demo: $(LIGHT)
	$(BIN)/gsanet demo -o out

# Without ruff's cache: whether a file's imports are in order depends on where other files lie, which the cache does not know.
lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy

# As many tests at once as there are processors, four at most for the memory's sake; each on one thread, or they wait for each other.
test: lint chromium
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

# For the tests of the page: Debian's own, since the browsers that drivers bring come from elsewhere.
chromium:
	@command -v chromium >/dev/null || { \
	    command -v apt-get >/dev/null || { echo "the tests of the page need Chromium as the command chromium: install it" >&2; exit 1; }; \
	    as=; [ "$$(id -u)" = 0 ] || as=sudo; \
	    [ -z "$$as" ] || command -v sudo >/dev/null || { echo "run as root: apt-get install chromium" >&2; exit 1; }; \
	    $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

fast: $(READY)
	$(BIN)/pytest -m 'not slow' -x

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --no-cache --fix .

# After a change to the network's structure or to the weights: the graphs that run without PyTorch.
graph: $(READY)
	$(BIN)/python benchmarks/package_graphs.py $(DATA) -o src/gsanet/weights

clean:
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache
