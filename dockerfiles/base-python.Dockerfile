# What every image stands on: Debian's own Python 3.11 in a virtual environment, tini, CA certificates, the user, the
# entrypoint and the health probe.
FROM debian:bookworm-slim

# Declared for useradd, which dates the password entry by it.
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=bind,source=steps/slim-python,target=/mnt/slim-python \
    --mount=type=bind,source=steps/compile-python,target=/mnt/compile-python \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install ca-certificates passwd python3.11 tini \
 && /mnt/slim-python \
 && /mnt/compile-python \
 && python3.11 -I -B -m venv --without-pip /opt/venv \
 && rm -rf /opt/venv/bin/?ctivate* /opt/venv/include \
 && groupadd --gid 10001 app \
 && useradd --no-log-init --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
 && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-

COPY --chmod=0755 entrypoint/fairlead-entrypoint entrypoint/fairlead-health /usr/local/bin/
COPY --chmod=0755 entrypoint/announce.py /usr/local/lib/fairlead/announce.py

# The root file system is read only where services run, so Python could not keep bytecode anyway.
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# The build adds revision, created and the base's name and digest: an image cannot know them beforehand.
LABEL org.opencontainers.image.title="base-python" \
      org.opencontainers.image.description="Python 3.11, tini, CA certificates, the user, entrypoint and health probe"

WORKDIR /app
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/fairlead-entrypoint"]
