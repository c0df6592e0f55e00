import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { fairleadRoot } from "../../../cli/version.ts"
import { noPython, runPython } from "../gates/python.ts"

const folder = mkdtempSync(join(tmpdir(), "fairlead-bytecode-"))
const step = readFileSync(join(fairleadRoot, "dockerfiles/steps/compile-python"), "utf8")

// Every kind of constant that Python's compiler makes, with what is held by others, too.
const source = `
import sys
few = sys.platform in {"a", None, "lorem ipsum", 3.5, "dolor", ("sit", 7), b"amet"}
big, low, half, turn, dots = 2**80, -(2**70), 0.5, 3j, ...
def outer(count, *, text="lorem ipsum", name="getwindowsversion"):
    "Ärger, " + "x" * 300
    def inner(): return count, text, (1, (2, "x", "-"), True, None), "${"y".repeat(300)}"
    return inner(), lambda: inner, lambda: inner
answer = outer(3)[0], few, big, low, half, turn, dots
`

/** Runs Python that knows the step's functions, with nothing of what the step does. */
async function python(code: string): Promise<string> {
  const file = join(folder, "run.py")
  const head = step.replace(/\nmain\(\)\n$/, "\n")
  expect(head).not.toBe(step)
  writeFileSync(file, `${head}\nSOURCE = ${JSON.stringify(source)}\n${code}`)
  const ran = await runPython(file)
  expect([ran.stderr, ran.exitCode]).toEqual(["", 0])
  return ran.stdout.trim()
}

describe.skipIf(noPython)("bytecode of the standard library", () => {
  afterAll(() => rmSync(folder, { recursive: true }))

  it("is the same in every process, whatever else holds its names", async () => {
    const made = `
code = compile(SOURCE, "/usr/lib/x.py", "exec", dont_inherit=True)
print(hashlib.sha256(marshal.dumps(code)).hexdigest(), hashlib.sha256(packed(code)).hexdigest())`
    const held = `import hashlib\nheld = [sys.intern(each) for each in ("getwindowsversion", "inner", "answer", "-")]${made}`
    const runs: string[][] = []
    for (const code of [`import hashlib${made}`, held, `import hashlib${made}`, held, held, held]) {
      runs.push((await python(code)).split(" "))
    }
    // What Python itself writes is not: were it the same, the step would be needless.
    expect(new Set(runs.map(([plain]) => plain)).size).toBeGreaterThan(1)
    expect(new Set(runs.map(([, packed]) => packed)).size).toBe(1)
  })

  it("does what its source does, and is no bigger than what Python writes", async () => {
    const told = await python(`
code = compile(SOURCE, "/usr/lib/x.py", "exec", dont_inherit=True)
one, other = {}, {}
exec(code, one)
exec(marshal.loads(packed(code)), other)
print(one["answer"] == other["answer"], len(one["answer"]), packed(marshal.loads(packed(code))) == packed(code),
    marshal.loads(packed(code)) == code, len(packed(code)) <= len(marshal.dumps(code)))`)
    expect(told).toBe("True 7 True True True")
  })

  it("is taken by Python as what goes with its source, until that changes", async () => {
    const told = await python(`
import tempfile
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/some_module.py"
    cached = importlib.util.cache_from_source(path)
    with open(path, "w") as file:
        file.write("VALUE = 1")
    os.mkdir(os.path.dirname(cached))
    bytecode = compiled(path)
    with open(cached, "wb") as file:
        file.write(bytecode.replace(compiled(path)[16:], packed(compile("VALUE = 2", path, "exec"))))
    sys.path.insert(0, folder)
    import some_module
    print(some_module.VALUE)
    with open(path, "w") as file:
        file.write("VALUE = 3")
    del sys.modules["some_module"]
    import some_module
    print(some_module.VALUE)`)
    expect(told.split("\n")).toEqual(["2", "3"])
  })

  it("is refused where marshal writes a kind that nobody knows", async () => {
    const told = await python(`
try:
    read(b"[" + bytes(4), 0)
except SystemExit as error:
    print(error)`)
    expect(told).toBe(`compile-python: b'[' is no kind of constant: look what became of marshal's format`)
  })
})
