"""Takes one MiB of a GPU and gives it back, by NVIDIA's driver alone, and says which GPUs there are.

Standard library only: any image with a Python can run it. Prints "ok NAME (sm_NN); ..." or "failed WHY".
"""

import ctypes
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


def main():
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        asked(cuda, "cuInit", 0)
        count = ctypes.c_int()
        asked(cuda, "cuDeviceGetCount", ctypes.byref(count))
        if count.value == 0:
            raise OSError("the driver knows of no GPU")
        print("ok", "; ".join(used(cuda, number) for number in range(count.value)))
    except (OSError, AttributeError) as error:
        print("failed", error)
    sys.stdout.flush()


main()
