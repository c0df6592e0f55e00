# Python 3.10 for agents that have not moved yet. It gets no fixes since October 2026: the scan gate says so.
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install ca-certificates passwd tini \
 && rm /usr/bin/tini-static \
 && groupadd --gid 10001 app \
 && useradd --no-log-init --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
 && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-

COPY --from=python310-builder /opt/python3.10 /opt/python3.10
RUN /opt/python3.10/bin/python3.10 -I -B -m venv --without-pip /opt/venv \
 && rm -rf /opt/venv/bin/?ctivate* /opt/venv/include

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=requirements/legacy-py310-cpu.lock,target=/mnt/legacy-py310-cpu.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/legacy-py310-cpu.lock \
 && /mnt/slim-package numpy '*/tests/*' '*.a' 'numpy/core/_simd.*'

COPY --chmod=0755 entrypoint/fairlead-entrypoint entrypoint/fairlead-health /usr/local/bin/
COPY --chmod=0755 entrypoint/announce.py /usr/local/lib/fairlead/announce.py

ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

LABEL org.opencontainers.image.title="legacy-py310-cpu" \
      org.opencontainers.image.description="Python 3.10, numpy, pydantic, fastapi and uvicorn for agents that have not moved"

WORKDIR /app
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/fairlead-entrypoint"]
