# What Python images are built with, and what none of them carries: uv. Images take /opt/uv/bin/uv from here by a mount.
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install ca-certificates python3.11 python3.11-venv

# pip is here for this one line, since uv cannot install itself.
RUN --mount=type=bind,source=requirements/python-builder.lock,target=/mnt/python-builder.lock \
    --mount=type=cache,id=pip,target=/mnt/pip-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && if [ -s /run/secrets/index ]; then PIP_INDEX_URL=$(head -n 1 /run/secrets/index) && export PIP_INDEX_URL; fi \
 && python3.11 -m venv /opt/uv \
 && /opt/uv/bin/pip --cache-dir /mnt/pip-cache install --disable-pip-version-check --no-deps --no-compile \
      --require-hashes --only-binary :all: --requirement /mnt/python-builder.lock
