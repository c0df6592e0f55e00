# base-python with curl and tzdata.
FROM base-python

USER 0:0
RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install curl tzdata
USER 10001:10001

LABEL org.opencontainers.image.title="base-utils" \
      org.opencontainers.image.description="base-python with curl and tzdata"
