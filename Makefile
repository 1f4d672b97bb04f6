# `make serve` and `make test` do everything on a fresh machine; `make help` has the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

URL ?= http://localhost:8080
ENGINE ?= docker

# The newest Python that really runs (a pyenv shim may not), can load the runtime (ctypes)
# and can make an environment (Debian has a package apart for ensurepip).
versions := 3.14 3.13 3.12 3.11
usable := import ctypes, ensurepip, sys; assert (3, 11) <= sys.version_info < (3, 15)
python := $(shell for name in $(or $(PYTHON),$(versions:%=python%) python3); do \
	if "$$name" -c '$(usable)' 2>/dev/null; then echo "$$name"; break; fi; done)
version := $(if $(python),$(shell $(python) -c 'import sys; print(*sys.version_info[:2], sep=".")'))

pip_install := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r
# The stamp is written last and names the version: after an interrupted install, with
# changed requirements or another PYTHON, the environment is made anew.
serving := .venv-serve/installed-$(version)
testing := .venv/installed-$(version)

.PHONY: help serve test check model bench image lock python

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*##/make \1\t/p' $(MAKEFILE_LIST) | expand -t 13

serve: $(serving)  ## serve every model in models/ on port 8080
	exec .venv-serve/bin/python -m server

test: check  ## check, then run every test
	.venv/bin/python -m pytest -n 2 --dist loadgroup

check: $(testing)  ## check format, style and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

model: $(testing)  ## train the shipped model again from the table STUDENTS_CSV
	.venv/bin/python -m convert train "$${STUDENTS_CSV:?is not set to the table}" --target math_score \
		--output models/student_performance.onnx

bench: $(testing)  ## measure the latency of the server at URL (http://localhost:8080)
	.venv/bin/python -m bench $(URL)

image:  ## build the container image `pinion` with ENGINE (docker)
	$(ENGINE) build --tag pinion .

$(serving): requirements-inference.txt | python
	$(python) -m venv --clear .venv-serve
	.venv-serve/bin/python $(pip_install) $< --only-binary=:all:
	touch $@

$(testing): requirements-dev.txt requirements-convert.txt requirements-inference.txt | python
	$(python) -m venv --clear .venv
	.venv/bin/python $(pip_install) $<
	touch $@

python:
ifeq ($(python),)
	@echo "Found no Python 3.11 to 3.14 with its venv module: install one" \
		"('apt-get install python3-venv' on Debian and Ubuntu," \
		"'dnf install python3.13' on Amazon Linux) or name one with PYTHON=…" >&2
	@exit 1
endif

# What `make lock` starts from. The binding of onnxruntime needs numpy and three more, other
# protocols of uvicorn need h11, clients need idna: the server loads none of them.
# Plots of catboost and databases of optuna would add 100 MB for nothing.
uv := .venv-lock/bin/uv
inference := onnxruntime==1.31.1 starlette uvicorn uvloop httptools msgspec
convert := onnx skl2onnx onnxmltools scikit-learn numpy pandas pyarrow xgboost-cpu lightgbm \
	catboost skops dill cloudpickle joblib optuna matplotlib seaborn rich
dev := pytest pytest-xdist mypy ruff coverage[toml] hypothesis httpx psutil pandas-stubs \
	playwright hdrhistogram
without_inference := flatbuffers h11 idna numpy packaging protobuf
without_convert := alembic graphviz mako markupsafe plotly sqlalchemy
without_dev := $(without_convert)

lock: $(uv)  ## write the requirements files anew (UPGRADE=--upgrade: newest versions)
	$(call compile,inference)
	$(call compile,convert,inference)
	$(call compile,dev,convert inference)
	for version in $(versions); do for machine in x86_64 aarch64; do \
		$(uv) pip install --quiet --dry-run --target .venv-lock/none --no-deps --no-build \
			--python-version $$version --python-platform $$machine-manylinux_2_28 \
			--require-hashes -r requirements-convert.txt; \
	done; done

$(uv): | python
	$(python) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

# $(call compile,NAME,INCLUDED): pins what the included files do not pin already
define compile
	pinned="$$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' $(2:%=requirements-%.txt) /dev/null)"; \
	printf '%s\n' $($1) $(2:%='-r requirements-%.txt') | $(uv) pip compile - --quiet $(UPGRADE) \
		--universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url \
		$$(printf -- '--no-emit-package %s ' $(without_$1) $$pinned) \
		--output-file requirements-$1.txt >/dev/null; \
	{ echo '# Exact and complete, by `make lock`; for pip install --require-hashes --no-deps'; \
	  $(if $2,echo '-r requirements-$(firstword $2).txt';) cat requirements-$1.txt; } > .venv-lock/$1; \
	mv .venv-lock/$1 requirements-$1.txt
endef
