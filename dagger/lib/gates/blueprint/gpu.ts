import { normalName } from "./version.ts"

// Packages that do nothing without an NVIDIA GPU, or bring its libraries. torch is not among them: it has builds for CPUs.
const gpuPackages = new RegExp(
  `^(?:${[
    "nvidia-.*",
    ".*-cu1[0-9]+",
    "cupy(?:-.*)?",
    "jax-cuda.*",
    "onnxruntime-gpu",
    "tensorflow-gpu",
    "tensorrt.*",
    "torch-tensorrt",
    "pycuda",
    "cuda-python",
    "triton",
    "pytorch-triton",
    "xformers",
    "bitsandbytes",
    "flash-attn",
    "faiss-gpu.*",
    "vllm-flash-attn",
    "deepspeed",
    "auto-gptq",
    "gpustat",
  ].join("|")})$`,
)

/** Whether a Python package has no place in a family without a GPU. */
export const onlyForGpus = (name: string, version: string): boolean =>
  gpuPackages.test(normalName(name)) || /\+cu[0-9]+/.test(version)
