# llama-cpp-python, of which PyPI has the source only. For CPUs: PyPI's wheels of CUDA 12.1 have ptxas and no nvcc. By itself
# because it takes minutes. Never shipped.
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH

RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install ca-certificates cmake g++ ninja-build python3.11-dev python3.11-venv \
 && python3.11 -m venv /opt/venv

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=requirements/llama-builder.lock,target=/mnt/llama-builder.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/llama-builder.lock

# For any processor with AVX2, not for the one that happens to build; no OpenMP, which would be one more system library.
ENV CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF"
RUN --mount=type=bind,source=steps/build-wheel,target=/mnt/build-wheel \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=requirements/family-llm-cu121.lock,target=/mnt/family-llm-cu121.lock \
    --mount=type=cache,id=pip,target=/mnt/pip-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/build-wheel /mnt/family-llm-cu121.lock llama-cpp-python
