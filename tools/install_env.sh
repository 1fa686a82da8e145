#!/usr/bin/env bash
# Builds the virtual environment that `make demo` and `make test` share.
#   tools/install_env.sh PYTHON VENV
# Restartable: each finished step leaves a stamp in VENV/.steps, named after its number and a checksum of
# what it installs, so an interrupted run goes on where it stopped and a second run does nothing.
set -u
PYTHON=$1 VENV=$2
cd "$(dirname "$0")/.." || exit 1
LOG=$VENV/install.log
STEPS=$VENV/.steps
NEEDED_GB=${MMPOSE_GSS_NEEDED_GB:-12}

die() { echo "error: $*" >&2; exit 1; }

check_host() {
  command -v "$PYTHON" >/dev/null 2>&1 ||
    die "no Python at '$PYTHON'; install Python 3.11 (apt-get install python3 python3-venv python3-dev) or call make PYTHON=/path/to/python3.11"
  local version
  version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
    die "'$PYTHON' does not run; call make PYTHON=/path/to/python3.11"
  [ "$version" = 3.11 ] ||
    die "'$PYTHON' is Python $version, the pinned packages need 3.11; call make PYTHON=/path/to/python3.11"
  "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
    die "'$PYTHON' has no venv module; apt-get install python3-venv"
  command -v "${CXX:-g++}" >/dev/null 2>&1 ||
    die "no C++ compiler, and mmcv is compiled from source; apt-get install g++"
  "$PYTHON" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' ||
    die "the Python headers are missing (Python.h), mmcv needs them; apt-get install python3-dev"
}

check_disk() {
  local parent free
  parent=$(dirname "$VENV")
  mkdir -p "$parent" 2>/dev/null || die "cannot create '$parent'; choose another place with make VENV=/path"
  free=$(df -Pk "$parent" | awk 'NR==2 {print int($4 / 1048576)}')
  [ "$free" -ge "$NEEDED_GB" ] ||
    die "only $free GB free at '$parent', the environment needs $NEEDED_GB GB; free some or call make VENV=/path/on/a/larger/disk"
}

explain() {  # one clear line for the failures that users meet
  local what=$1 tail_of_log
  tail_of_log=$(tail -n 400 "$LOG")
  case $tail_of_log in
    *"No space left on device"*|*"Errno 28"*) die "the disk is full while installing $what; free some space and call make again, it goes on from here" ;;
    *"Temporary failure in name resolution"*|*"NewConnectionError"*|*"Read timed out"*) die "the package index cannot be reached while installing $what; call make again when it can, it goes on from here" ;;
    *"fatal error: Killed"*|*"virtual memory exhausted"*) die "not enough memory to compile $what; call MAX_JOBS=1 make again" ;;
  esac
  tail -n 15 "$LOG" >&2
  die "installing $what failed (whole log: $LOG); call make again after mending it, it goes on from here"
}

step() {  # step NAME LABEL COMMAND...
  local name=$1 label=$2 stamp
  shift 2
  stamp=$STEPS/$name-$(printf '%s\n' "$*" | cksum | cut -d' ' -f1)
  [ -e "$stamp" ] && return
  printf '%s  %s ...\n' "$(date +%H:%M:%S)" "$label"
  printf '\n$ %s\n' "$*" >>"$LOG" 2>/dev/null
  "$@" >>"$LOG" 2>&1 || explain "$label"
  rm -f "$STEPS/$name"-*
  : >"$stamp"
}

pinned() { grep -E "^($1)([=<>].*)?$" constraints.txt | tr '\n' ' '; }
pip() { "$VENV/bin/python" -m pip install --disable-pip-version-check "$@"; }
build_mmcv() {
  # -O1 halves the compile time of operators that this project does not call in its hot paths.
  MMCV_WITH_OPS=1 MAX_JOBS=${MAX_JOBS:-$(nproc)} CFLAGS="-O1 -g0" \
    pip --no-build-isolation -c constraints.txt "$@"
}

check_host
[ -d "$STEPS" ] || check_disk
if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then  # missing, or left half made
  rm -rf "$STEPS"
  "$PYTHON" -m venv "$VENV" || die "'$PYTHON' could not make a virtual environment in '$VENV'"
fi
mkdir -p "$STEPS" || exit 1

# The order matters, see CONTRIBUTING.md.
# shellcheck disable=SC2046
{
step 1-base "1/6 build tools and numpy" pip $(pinned 'setuptools|numpy') wheel ninja psutil
step 2-torch "2/6 torch and torchvision (large download)" pip -c constraints.txt $(pinned 'torch|torchvision')
step 3-chumpy "3/6 chumpy" pip --no-build-isolation -c constraints.txt chumpy
step 4-mmcv "4/6 mmcv with its operators, compiled (about 6 minutes on two cores)" build_mmcv $(pinned 'mmcv')
step 5-openmmlab "5/6 mmengine, mmdet, mmpretrain, mmpose" pip -c constraints.txt \
  $(pinned 'mmengine|mmdet|mmpretrain|mmpose|xtcocotools|opencv-python') einops scipy pytest hypothesis
step 6a-mim "6/6 mim" pip --no-deps $(pinned 'openmim')
step 6b-mim "6/6 what mim needs" pip -c constraints.txt click colorama model-index "$(pinned 'pandas' | tr -d ' ')" rich tabulate requests
}
step 7-check "check that everything imports" "$VENV/bin/python" -c 'import cv2, mmcv.ops, mmdet.apis, mmpretrain, mmpose.apis, mim, xtcocotools'
