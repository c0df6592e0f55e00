# base-utils with numpy, pydantic, fastapi and uvicorn, for services without a GPU.
FROM base-utils

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=requirements/base-cpu-pydeps.lock,target=/mnt/base-cpu-pydeps.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/base-cpu-pydeps.lock \
 && /mnt/slim-package numpy '*/tests/*' '*.a' 'numpy/core/_simd.*'
USER 10001:10001

LABEL org.opencontainers.image.title="base-cpu-pydeps" \
      org.opencontainers.image.description="numpy, pydantic, fastapi and uvicorn for services without a GPU"
