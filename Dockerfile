# docker build --tag pinion .
# docker run --read-only --cap-drop=ALL --publish 8080:8080 pinion
#
# docker build --target shell --tag pinion-shell .   the same image, and a shell in it
#
# BASE is Debian's own Python with the libraries it loads and nothing else: no shell, no
# package manager, no pip. BUILDER is the same Debian with a package manager; nothing of
# it is kept. The tests put stand-ins from Debian's packages in their place.
ARG BUILDER=debian:trixie-slim
ARG BASE=gcr.io/distroless/python3-debian13:nonroot

FROM ${BUILDER} AS packages
# what is installed here is not kept: a version would only age
# hadolint ignore=DL3008
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --yes --no-install-recommends binutils busybox-static \
    python3-pip
COPY requirements-inference.txt /
RUN python3 -m pip install --require-hashes --no-deps --only-binary=:all: --no-compile \
    --no-cache-dir --root-user-action=ignore --target=/app -r /requirements-inference.txt
COPY deploy/image/prune.py /
RUN python3 /prune.py /app

# The checkout keeps the modes that the umask of its owner gave: the server is another user.
FROM ${BUILDER} AS application
COPY LICENSE deploy/image/healthcheck.py /own/
COPY server /own/server
COPY models/*.onnx /own/models/
RUN chmod --recursive u=rwX,go=rX /own

# The Python that will read the byte-code writes it, from one real start of the server.
FROM ${BASE} AS bytecode
# hadolint ignore=DL3002
USER 0
ENV PYTHONPATH=/app
COPY --from=packages /app /app
COPY --from=application /own/server /app/server
COPY --from=application /own/models /models
COPY deploy/image/bytecode.py /
RUN ["python3", "-B", "/bytecode.py", "/app/bytecode", "/models"]

FROM ${BASE} AS server
ENV PYTHONPATH=/app \
    PYTHONPYCACHEPREFIX=/app/bytecode \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PINION_HOST=0.0.0.0 \
    PINION_PORT=8080 \
    PINION_MODELS_FOLDER=/opt/ml/model:/mnt/models:/models
# SageMaker puts a model into the first of these folders, KServe into the second.
# What changes least comes first, so that a new version is a small pull
COPY --from=packages /app /app
COPY --from=bytecode /app/bytecode /app/bytecode
COPY --from=application /own/LICENSE /own/healthcheck.py /app/
COPY --from=application /own/server /app/server
COPY --from=application /own/models /models
# empty: whatever is read from the working directory is not there
WORKDIR /empty
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python3", "-S", "/app/healthcheck.py"]
ENTRYPOINT ["python3", "-m", "server"]
LABEL org.opencontainers.image.title="Pinion" \
      org.opencontainers.image.description="Serves ONNX models that know what they accept" \
      org.opencontainers.image.licenses="MIT"

FROM server AS shell
COPY --from=packages /bin/busybox /bin/busybox
COPY --from=packages /bin/busybox /bin/sh

# the last one is what a build makes that names none
FROM server
