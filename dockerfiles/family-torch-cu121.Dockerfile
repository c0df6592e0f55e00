# torch 2.2.2 for CUDA 12.1, torchvision, torchaudio and what services need to listen and to speak. The nvidia-* wheels are
# all of CUDA that there is. Each group of wheels is a layer: an update of one package does not make hosts pull the others.
FROM base-gpu-cu121
# Compute capabilities such as "8.6 8.9", to carry device code for those GPUs only; "" keeps all of it. docs/sizes.md has figures.
ARG GPU_CODE=""

USER 0:0
# Device sound; everything else that torchaudio and soundfile need comes in their wheels.
RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=tmpfs,target=/tmp \
    /mnt/apt-get-install libportaudio2

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-torch-cu121.lock nvidia-cudnn-cu12 \
 && /mnt/slim-package nvidia_cudnn_cu12 '*/include/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" nvidia_cudnn_cu12

RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-torch-cu121.lock nvidia-cublas-cu12 \
 && /mnt/slim-package nvidia_cublas_cu12 '*/include/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" nvidia_cublas_cu12

# cupti: what only NVIDIA's own profilers load. cusolverMg is for several GPUs at once, cufftw for programs that use FFTW's
# interface: nothing here is linked with them.
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-torch-cu121.lock 'nvidia-cu[!bd]*' nvidia-cuda-* nvidia-nccl-cu12 nvidia-nvjitlink-cu12 nvidia-nvtx-cu12 \
 && /mnt/slim-package nvidia_cuda_cupti_cu12 '*/include/*' '*/libnvperf_*' '*/libcheckpoint.so' '*/libpcsamplingutil.so' \
 && /mnt/slim-package nvidia_cuda_nvrtc_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_cuda_runtime_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_cufft_cu12 '*/include/*' '*/libcufftw.so.*' \
 && /mnt/slim-package nvidia_curand_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_cusolver_cu12 '*/include/*' '*/libcusolverMg.so.*' \
 && /mnt/slim-package nvidia_cusparse_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_nccl_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_nvjitlink_cu12 '*/include/*' \
 && /mnt/slim-package nvidia_nvtx_cu12 '*/include/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" 'nvidia_cu[!bd]*' nvidia_nccl_cu12 nvidia_nvjitlink_cu12

# Headers, protoc and CMake's files are for building extensions, which takes a compiler. So do triton's kernels, and thus ptxas,
# cuobjdump and nvdisasm are of no use here.
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=steps/strip-package,target=/mnt/strip-package \
    --mount=type=bind,from=wheel-builder,source=/,target=/mnt/tools \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-torch-cu121.lock torch triton \
 && /mnt/slim-package torch 'torch/include/*' 'torch/bin/protoc*' 'torch/share/cmake/*' \
 && /mnt/strip-package torch 'torch/lib/libtorch_*.so' \
 && /mnt/slim-package triton '*/cuda/bin/*' \
 && /mnt/strip-package triton 'triton/_C/libtriton.so' \
 && /mnt/keep-gpu-code "$GPU_CODE" torch

# torchaudio reads and writes sound by soundfile here. Its bindings of sox and ffmpeg look for libraries that are not there:
# Debian has ffmpeg 5 with 200 MB of codecs and displays, and no libsox.so.
RUN --mount=type=bind,source=steps/uv-install,target=/mnt/uv-install \
    --mount=type=bind,source=steps/lock-entries,target=/mnt/lock-entries \
    --mount=type=bind,source=steps/slim-package,target=/mnt/slim-package \
    --mount=type=bind,source=steps/keep-gpu-code,target=/mnt/keep-gpu-code \
    --mount=type=bind,source=requirements/family-torch-cu121.lock,target=/mnt/family-torch-cu121.lock \
    --mount=type=bind,from=wheel-builder,source=/opt/wheels,target=/mnt/wheels \
    --mount=type=bind,from=python-builder,source=/opt/uv/bin/uv,target=/mnt/uv \
    --mount=type=cache,id=uv,target=/mnt/uv-cache \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=index,target=/run/secrets/index \
    --mount=type=tmpfs,target=/tmp \
    /mnt/uv-install /mnt/family-torch-cu121.lock \
 && /mnt/slim-package torchaudio 'torio/lib/*ffmpeg*' 'torchaudio/lib/*_sox.so' \
 && /mnt/slim-package sympy '*/tests/*' \
 && /mnt/slim-package networkx '*/tests/*' \
 && /mnt/keep-gpu-code "$GPU_CODE" torchvision torchaudio
USER 10001:10001

LABEL org.opencontainers.image.title="family-torch-cu121" \
      org.opencontainers.image.description="torch 2.2.2 for CUDA 12.1, torchvision, torchaudio, sounddevice, soundfile, pyaudio"
