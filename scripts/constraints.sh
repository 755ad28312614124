#!/bin/sh
# Writes constraints.txt from what .venv holds. To move the pins, upgrade there with pip first.
# Left out: hone itself, pip, and what only a CUDA build of torch brings (torch pins those).
set -eu
cd "$(dirname "$0")/.."
held=$(.venv/bin/python -m pip freeze --all --exclude-editable)
{
  echo "# Exact versions of everything the extras install. To regenerate: make constraints"
  echo "$held" | grep -viE '^(#|pip==|nvidia|cuda|triton)' | sed 's/+[a-z0-9.]*$//' |
    LC_ALL=C sort -f
} > constraints.tmp
mv constraints.tmp constraints.txt
