# What every GPU family shares. There is no CUDA in it: each family's wheels carry the libraries that they are linked with.
FROM base-utils

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=requirements/base-gpu-cu121.lock,target=/mnt/base-gpu-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/base-gpu-cu121.lock \
 && /mnt/slim-package numpy '*/tests/*' '*.a' 'numpy/core/_simd.*'
USER 10001:10001

# What NVIDIA's container runtime mounts of the driver: CUDA and nvidia-smi, nothing for screens. TORCH_CUDA_ARCH_LIST tells
# whatever compiles for GPUs at run time which ones the fleet has.
ARG TORCH_CUDA_ARCH_LIST
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST}

LABEL org.opencontainers.image.title="base-gpu-cu121" \
      org.opencontainers.image.description="What GPU families share: numpy, pydantic, fastapi and uvicorn; no system CUDA"
