# make demo: install and run a real comparison to its table and picture. make test: install and pass the tests.
# make lint, make docs: the other checks of .ci/run.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1
# Hundreds of short processes load what the first of them compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test ten lint docs clean

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[chgnet]"
	touch $@

.venv/test: pyproject.toml .venv/demo
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev --group docs
	$(BIN)/python -m pip install --quiet $(addprefix --editable ,$(wildcard examples/third-party-*))
	touch $@

demo: .venv/demo
	$(BIN)/crysim bench --system ScBe5 --method crysim --method random --energy chgnet \
	    --option crysim.num_initial=300 --budget 25 --seeds 0-1 --workers 2 --out demo

test: .venv/test
	$(BIN)/python -m pytest tests examples -n 2 --dist worksteal

# Ten green runs of the tests in a row, five of them beside a busy loop on each core; goes on where it was.
ten: .venv/test
	$(BIN)/python benchmarks/suite.py --runs 10 --busy 5

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation into site/, which opens from a disk: every link, anchor and docstring is checked.
docs: .venv/test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

clean:
	rm -rf .venv demo site
