# make demo            train and evaluate on generated clips, then poses in a held-out video
# make demo VIDEO=x    poses in your own video, with the demo's models
# make test            all tests
# PYTHON= names the interpreter (3.11), VENV= where the environment goes.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV ?= .venv
OUT ?= demo_out
VIDEO ?=
TESTS ?= tests

BIN := $(abspath $(VENV))/bin
# What ends up in the installed package; a change of any of it installs the package again, nothing else.
SOURCES := setup.py MANIFEST.in model-index.yml dataset-index.yml README.md \
	$(shell find mmpose_gss configs tools -type f ! -name '*.pyc' ! -name '*.so' ! -path '*/.mim/*')

.PHONY: demo test env clean

demo: env
	@$(BIN)/python projects/quick_demo/run_demo.py --out "$(OUT)" $(if $(VIDEO),--video "$(VIDEO)")

test: env
	@$(BIN)/pytest $(TESTS)

env: $(VENV)/.installed

$(VENV)/.installed: $(VENV)/.dependencies $(SOURCES)
	@echo "$$(date +%H:%M:%S)  mmpose_gss itself ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps . \
		>> $(VENV)/install.log 2>&1 || { tail -n 15 $(VENV)/install.log >&2; \
		echo "error: installing mmpose_gss failed (whole log: $(VENV)/install.log)" >&2; exit 1; }
	@# Python started in the checkout imports the package from here: give it the kernels too.
	@$(BIN)/python setup.py --quiet build_ext --inplace >> $(VENV)/install.log 2>&1
	@touch $@

# The script itself skips what is done, so an interrupted run goes on where it stopped.
$(VENV)/.dependencies: constraints.txt tools/install_env.sh
	@tools/install_env.sh "$(PYTHON)" "$(VENV)"
	@touch $@

clean:
	rm -rf build *.egg-info $(OUT)
