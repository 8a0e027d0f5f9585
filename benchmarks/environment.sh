#!/usr/bin/env bash
# environment.sh FOLDER: a virtual environment with everything that the tests need, by uv.
# PYTHON=3.13: which one. RESOLUTION=highest, or lowest-direct: what pyproject.toml allows at least.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
uv venv --quiet --python "${PYTHON:-3.11}" "$folder"
uv pip compile --quiet --python "$folder/bin/python" --resolution "${RESOLUTION:-highest}" ${FIND_LINKS:+--find-links "$FIND_LINKS"} \
    --extra all --group dev --group docs pyproject.toml --output-file "$folder/requirements.txt"
uv pip install --quiet --python "$folder/bin/python" ${FIND_LINKS:+--find-links "$FIND_LINKS"} \
    --requirements "$folder/requirements.txt" pip hatchling editables
uv pip install --quiet --python "$folder/bin/python" --no-deps --editable . \
    $(printf -- '--editable %s ' examples/third-party-*)
