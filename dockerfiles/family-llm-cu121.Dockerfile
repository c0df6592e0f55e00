# transformers and accelerate on torch 2.2.2, and llama.cpp for CPUs. No vllm: fleet.yaml says why. llama_cpp has its
# libraries in llama_cpp/lib; the wheel has them once more in lib/, for programs that link with them.
FROM family-torch-cu121

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=requirements/family-llm-cu121.lock,target=/mnt/family-llm-cu121.lock \
    --mount=type=bind,from=llama-builder,source=/opt/wheels,target=/mnt/wheels \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-llm-cu121.lock \
 && /mnt/slim-package llama_cpp_python 'include/*' 'lib/*'
USER 10001:10001

# Where models are is for a volume to say; nothing is fetched from a hub unless a service asks for it.
ENV HF_HUB_DISABLE_TELEMETRY=1

LABEL org.opencontainers.image.title="family-llm-cu121" \
      org.opencontainers.image.description="transformers and accelerate on torch 2.2.2 for CUDA 12.1; llama-cpp-python for CPUs"
