# A service: its family, the Python packages that only it needs, and its code in /app. Named contexts: the family by its
# name, and `app`, the folder with the code; a requirements.lock there is compiled under the family's lock.
ARG FAMILY=family-web

# The lock by itself, so that a change of code does not install everything again. Without a lock the stage is empty.
FROM scratch AS lock
COPY --from=app requirements.loc[k] /

FROM ${FAMILY}

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,from=lock,target=/mnt/lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    if [ -e /mnt/lock/requirements.lock ]; then /mnt/uv-install /mnt/lock/requirements.lock; fi

# Modes are set here, since those of a checkout depend on who made it.
COPY --from=app --chmod=u=rwX,go=rX . /app/
USER 10001:10001

ARG FAMILY
LABEL org.opencontainers.image.title="service" \
      org.opencontainers.image.description="A service on ${FAMILY}"

CMD ["python", "/app/main.py"]
