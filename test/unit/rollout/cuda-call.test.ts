import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "fairlead-cuda-"))
afterAll(() => rmSync(folder, { recursive: true }))

const program = fileURLToPath(new URL("../../../dagger/lib/gates/probes/cuda_call.py", import.meta.url))
const calls = (env: Record<string, string> = {}, ...capabilities: string[]) =>
  execFileSync("python3", [program, ...capabilities], { encoding: "utf8", env: { ...process.env, ...env } }).trim()

const compiler = ["cc", "gcc", "clang"].find((name) => {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})

/** A driver with the calls of cuda.h that the program makes: two GPUs, and as many bytes left as it is given. */
const driver = `
#include <string.h>
#include <stdlib.h>
static int retained = 0, current = 0;
int cuInit(unsigned flags) { return getenv("NO_DEVICE") ? 100 : 0; }
int cuGetErrorName(int code, const char **name) { *name = code == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_OUT_OF_MEMORY"; return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, device ? "RTX 3060" : "RTX 4090", length); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 8 : device ? 6 : 9; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { retained++; *context = &retained; return 0; }
int cuCtxSetCurrent(void *context) { current = context == &retained; return current ? 0 : 201; }
int cuMemAlloc_v2(unsigned long long *memory, size_t bytes) { *memory = 4096; return !current || bytes != 1 << 20 || getenv("FULL") ? 2 : 0; }
int cuMemFree_v2(unsigned long long memory) { return memory == 4096 ? 0 : 1; }
int cuDevicePrimaryCtxRelease_v2(int device) { return retained-- == 1 ? 0 : 1; }
`

describe("the CUDA call that preflight makes", () => {
  it("says what is missing where there is no driver", () => {
    expect(calls({ LD_LIBRARY_PATH: "" })).toMatch(/^(failed libcuda\.so\.1: |ok )/)
  })

  it.skipIf(!compiler)("uses every GPU and names it, or says which call was refused", () => {
    writeFileSync(join(folder, "cuda.c"), driver)
    execFileSync(compiler!, ["-shared", "-fPIC", "-o", join(folder, "libcuda.so.1"), join(folder, "cuda.c")])
    const env = { LD_LIBRARY_PATH: folder }
    expect(calls(env)).toBe("ok RTX 4090 (sm_89); RTX 3060 (sm_86)")
    const torch = `
__version__ = "2.2.2"
class cuda:
    get_device_capability = staticmethod(lambda number: ((8, 9), (8, 6))[number])
class Sum:
    def __init__(self, device): assert device == "cuda:1", device
    def __add__(self, other): return self
    def sum(self): return self
    def item(self): return 2048 if __import__("os").environ.get("RIGHT") else 7
ones = lambda count, device: Sum(device)
`
    writeFileSync(join(folder, "torch.py"), torch)
    const all = { ...env, PYTHONPATH: folder }
    expect(calls(all)).toBe("ok RTX 4090 (sm_89); RTX 3060 (sm_86)")
    expect(calls({ ...all, RIGHT: "1" }, "8.6")).toMatch(/\(sm_86\); torch 2\.2\.2 adds there$/)
    expect(calls(all, "8.6")).toBe("failed torch added up to 7 instead of 2048 on cuda:1")
    expect(calls(all, "7.5")).toMatch(/; torch was not tried: no GPU here is 7\.5$/)
    expect(calls({ ...env, NO_DEVICE: "1" })).toBe("failed cuInit answered CUDA_ERROR_NO_DEVICE (100)")
    expect(calls({ ...env, FULL: "1" })).toBe("failed cuMemAlloc_v2 answered CUDA_ERROR_OUT_OF_MEMORY (2)")
  })
})
