"""Takes one MiB of a GPU and gives it back, by NVIDIA's driver alone, and says which GPUs there are.

Standard library only: any image with a Python can run it. With compute capabilities as arguments, an image that has torch
adds numbers with it as well, on each GPU that has one of them. Prints "ok NAME (sm_NN); ..." or "failed WHY". Part of preflight, on hosts, and of the smoke gate.
"""

import ctypes
import importlib.util
import sys


def asked(cuda, name, *arguments):
    """Calls the driver; 0 is CUDA_SUCCESS (cuda.h)."""
    code = getattr(cuda, name)(*arguments)
    if code == 0:
        return
    why = ctypes.c_char_p()
    cuda.cuGetErrorName(code, ctypes.byref(why))
    raise OSError(f"{name} answered {(why.value or b'').decode()} ({code})")


def used(cuda, number):
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    asked(cuda, "cuDeviceGet", ctypes.byref(device), number)
    name = ctypes.create_string_buffer(100)
    asked(cuda, "cuDeviceGetName", name, 100, device)
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
    version = [ctypes.c_int(), ctypes.c_int()]
    for attribute, part in zip((75, 76), version):
        asked(cuda, "cuDeviceGetAttribute", ctypes.byref(part), attribute, device)
    asked(cuda, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    asked(cuda, "cuCtxSetCurrent", context)
    asked(cuda, "cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(1 << 20))
    asked(cuda, "cuMemFree_v2", memory)
    asked(cuda, "cuDevicePrimaryCtxRelease_v2", device)
    return f"{name.value.decode()} (sm_{version[0].value}{version[1].value})"


def added(count, capabilities):
    """What torch's own kernels added up, on GPUs that the image is for; nothing where there is no torch."""
    if not capabilities or importlib.util.find_spec("torch") is None:
        return []
    import torch

    right = [each for each in range(count) if "{}.{}".format(*torch.cuda.get_device_capability(each)) in capabilities]
    if not right:
        return ["torch was not tried: no GPU here is " + " or ".join(capabilities)]
    for number in right:
        seen = (torch.ones(1024, device=f"cuda:{number}") + 1).sum().item()
        if seen != 2048:
            raise OSError(f"torch added up to {seen} instead of 2048 on cuda:{number}")
    return [f"torch {torch.__version__} adds there"]


def main():
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        asked(cuda, "cuInit", 0)
        count = ctypes.c_int()
        asked(cuda, "cuDeviceGetCount", ctypes.byref(count))
        if count.value == 0:
            raise OSError("the driver knows of no GPU")
        told = [used(cuda, number) for number in range(count.value)]
        told += added(count.value, sys.argv[1:])
        print("ok", "; ".join(told))
    except (OSError, AttributeError, RuntimeError, AssertionError, ImportError) as error:
        print("failed", " ".join(str(error).split()))
    sys.stdout.flush()


main()
