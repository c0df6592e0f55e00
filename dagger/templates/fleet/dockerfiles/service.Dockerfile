# An app image: a family, the Python packages that only the app needs, and its code in /app. Named contexts: the family by
# its name, and `app`, the folder with the code. The command is the fleet's to name: fleet.yaml, apps.NAME.command.
ARG FAMILY=family-web

# The lock by itself, so that a change of code does not install everything again. It is compiled under the family's lock.
# By default it is requirements.lock, and without one the stage is empty.
FROM scratch AS lock
ARG LOCK=requirements.loc[k]
COPY --from=app ${LOCK} /requirements.lock

FROM ${FAMILY}

# Folders that volumes cover: a new volume gets the owner of what it covers.
ARG FOLDERS=""

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,from=lock,target=/mnt/lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    if [ -e /mnt/lock/requirements.lock ]; then /mnt/uv-install /mnt/lock/requirements.lock; fi \
 && for folder in ${FOLDERS}; do install -d -m 0755 -o 10001 -g 10001 "$folder"; done

# Modes are set here, since those of a checkout depend on who made it.
COPY --from=app --chmod=u=rwX,go=rX . /app/
USER 10001:10001
