#!/bin/sh
# Makes .venv hold hone and its pinned dependencies: install.sh base|dev
#
# Does nothing where that is already so. Where it cannot go on it says why in one line and exits 1.
# The stamp is written last, so an interrupted installation is taken up again by the next call.
# Settings: PYTHON (the interpreter for .venv), HONE_DISK_MIB (room asked for; CUDA builds need more).
set -eu
cd "$(dirname "$0")/.."

profile=${1:-dev}
venv=.venv
log=$venv/install.log
need_mib=${HONE_DISK_MIB:-4096}

case $profile in
  base) target=. ;;
  dev) target='.[dev]' ;;
  *) echo "usage: install.sh base|dev" >&2; exit 2 ;;
esac

stop() {
  echo "hone: cannot install: $*" >&2
  exit 1
}

# The folder belongs to the key because scripts in .venv hold its path.
key() { { pwd; cat pyproject.toml constraints.txt scripts/install.sh; } | cksum; }

stamped() { # a dev installation serves base too
  for name in "$profile" dev; do
    [ "$(cat "$venv/installed-$name" 2>/dev/null)" = "$key" ] && return 0
  done
  return 1
}

works() { # an interpreter that starts (a version manager's shim may not) and is new enough
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  without_venv=
  if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"
  else set -- python3.11 python3.12 python3.13 python3.14 python3 python
  fi
  for python; do
    works "$python" || continue
    if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then return 0; fi
    without_venv=${without_venv:-$python}
  done
  [ -z "$without_venv" ] ||
    stop "$without_venv has no venv module (on Debian and Ubuntu: apt install python3-venv)"
  [ -z "${PYTHON:-}" ] || stop "PYTHON=$PYTHON is no Python 3.11 or later"
  stop "no Python 3.11 or later found on PATH (set PYTHON=/path/to/python3.11)"
}

check_space() { # counts what an earlier .venv already takes
  have=0
  [ ! -d $venv ] || have=$(du -sk $venv | awk '{print int($1 / 1024)}')
  need=$((need_mib > have + 256 ? need_mib - have : 256))
  free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1024)}')
  [ "$free" -ge "$need" ] || stop "no disk space: $need MiB needed here, $free MiB free"
}

explain() { # pip's failure in one line
  if grep -qiE 'no space left|errno 28' $log; then
    echo "no disk space was left here or in ${TMPDIR:-/tmp} (see $log)"
  elif grep -qiE 'retrying|connection (error|refused|reset)|timed? ?out|name resolution|unreachable|SSLError|ProxyError' $log; then
    echo "the package index cannot be reached: no network? (see $log)"
  else
    echo "pip failed: $(grep -E '^ERROR' $log | tail -n 1 | cut -c 8-) (see $log)"
  fi
}

pip() { # a terminal shows pip's progress; its warnings go to the log, and so does all else elsewhere
  if [ -t 1 ]; then
    "$venv/bin/python" -m pip --disable-pip-version-check "$@" 2>>$log
  else
    "$venv/bin/python" -m pip --disable-pip-version-check "$@" >>$log 2>&1
  fi || stop "$(explain)"
}

[ -f pyproject.toml ] && [ -f constraints.txt ] || stop "no pyproject.toml and constraints.txt in $(pwd)"
key=$(key)
if stamped && works $venv/bin/python; then exit 0; fi

check_space
if ! works $venv/bin/python || ! $venv/bin/python -c 'import pip' 2>/dev/null; then
  find_python
  echo "hone: making .venv with $("$python" --version) ($python)"
  "$python" -m venv --clear $venv >/dev/null 2>&1 || stop "$python -m venv $venv failed"
fi
rm -f $venv/installed-base $venv/installed-dev

echo "hone: installing pinned dependencies into .venv ($profile; minutes the first time)"
: >$log
# The build backend comes first and pinned, so that building hone fetches nothing unpinned.
pip install --constraint constraints.txt hatchling editables
pip install --constraint constraints.txt --no-build-isolation --editable "$target"
echo "$key" >$venv/stamp.tmp
mv $venv/stamp.tmp "$venv/installed-$profile"
