# make demo: install and run a real comparison to its table and picture. make test: install and pass the tests.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint clean

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[chgnet]"
	touch $@

.venv/test: pyproject.toml .venv/demo
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	$(BIN)/python -m pip install --quiet --editable examples/third-party-solver
	touch $@

demo: .venv/demo
	$(BIN)/crysim bench --system ScBe5 --method crysim --method random --energy chgnet \
	    --option crysim.num_initial=300 --budget 25 --seeds 0-1 --workers 2 --out demo

test: .venv/test
	$(BIN)/python -m pytest tests examples/third-party-solver/tests -n 2

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv demo
