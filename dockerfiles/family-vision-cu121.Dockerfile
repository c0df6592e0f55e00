# OpenCV without windows, and onnxruntime with CUDA 12 and cuDNN 9 from wheels. torch is not here: it brings cuDNN 8.9. Each
# group of wheels is a layer: an update of one package does not make hosts pull the others.
FROM base-gpu-cu121
# As in family-torch-cu121.
ARG GPU_CODE=""

USER 0:0
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-vision-cu121.lock,target=/mnt/family-vision-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-vision-cu121.lock nvidia-cudnn-cu12 \
 && /mnt/slim-package nvidia_cudnn_cu12 '*/include/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" nvidia_cudnn_cu12

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-vision-cu121.lock,target=/mnt/family-vision-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-vision-cu121.lock nvidia-cublas-cu12 \
 && /mnt/slim-package nvidia_cublas_cu12 '*/include/*' '*/libnvblas.so.*' \
 && /mnt/keep-gpu-code "$GPU_CODE" nvidia_cublas_cu12

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-vision-cu121.lock,target=/mnt/family-vision-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-vision-cu121.lock 'nvidia-cu[!bd]*' nvidia-cuda-* nvidia-nvjitlink-cu12 \
 && /mnt/slim-package nvidia_cuda_nvrtc_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_cuda_runtime_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_cufft_cu12 '*/include/*' '*/libcufftw.so.*' \
 && /mnt/slim-package nvidia_curand_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_nvjitlink_cu12 '*/include/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" 'nvidia_cu[!bd]*' nvidia_nvjitlink_cu12

# Without the provider for TensorRT, whose libraries are not here.
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-vision-cu121.lock,target=/mnt/family-vision-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-vision-cu121.lock \
 && /mnt/slim-package onnxruntime_gpu '*/libonnxruntime_providers_tensorrt.so' \
 && /mnt/keep-gpu-code "$GPU_CODE" onnxruntime_gpu
USER 10001:10001

LABEL org.opencontainers.image.title="family-vision-cu121" \
      org.opencontainers.image.description="opencv-python-headless, onnxruntime-gpu with CUDA 12.1 and cuDNN 9"
