# base-cpu-pydeps with starlette, websockets and gunicorn, for services that speak to browsers.
FROM base-cpu-pydeps

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=requirements/family-web.lock,target=/mnt/family-web.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-web.lock
USER 10001:10001

# gunicorn would open a socket through which it can be managed, in a home directory that there is not.
ENV GUNICORN_CMD_ARGS=--no-control-socket

LABEL org.opencontainers.image.title="family-web" \
      org.opencontainers.image.description="starlette, websockets and gunicorn for services that speak to browsers"
