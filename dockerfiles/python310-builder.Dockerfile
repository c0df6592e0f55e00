# CPython 3.10 for legacy-py310-cpu, which Debian does not have any more: out of a Go module that carries
# python-build-standalone's build. go.sum has the module's hash, so the bytes are the same wherever they are fetched.
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install binutils ca-certificates python3.11 python3.11-venv \
 && python3.11 -m venv --without-pip /opt/venv

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=requirements/python310-builder.lock,target=/mnt/python310-builder.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/python310-builder.lock

RUN --mount=type=bind,source=python310,target=/mnt/source \
    --mount=type=bind,source=steps/python310-unpack,target=/mnt/python310-unpack \
    --mount=type=bind,source=steps/slim-python,target=/mnt/slim-python \
    --mount=type=bind,source=steps/compile-python,target=/mnt/compile-python \
    --mount=type=cache,id=go,target=/mnt/go \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=goproxy,target=/run/secrets/goproxy \
    --mount=type=tmpfs,target=/tmp \
    /mnt/python310-unpack /mnt/source /opt/python3.10 \
 && /opt/python3.10/bin/python3.10 -I -B /mnt/slim-python \
 && /opt/python3.10/bin/python3.10 -I -B /mnt/compile-python
