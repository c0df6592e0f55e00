# Wheels of Python packages that PyPI has as sources only, and strip for what other wheels bring along. Never shipped.
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install binutils ca-certificates gcc libc6-dev portaudio19-dev python3.11-dev python3.11-venv \
 && python3.11 -m venv /opt/venv

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=requirements/wheel-builder.lock,target=/mnt/wheel-builder.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/wheel-builder.lock

RUN --mount=type=bind,source=steps/build-wheel,target=/mnt/build-wheel \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=cache,id=pip,target=/mnt/pip-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/build-wheel /mnt/family-torch-cu121.lock pyaudio
