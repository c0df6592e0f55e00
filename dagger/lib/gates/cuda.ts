/** What a container could do with GPUs, or why it could not. */
export type CudaCall = { gpus: string } | { error: string }

/** What cuda_call.py printed last; anything else is what was said of a container that never ran it. */
export function cudaCalled(line: string): CudaCall {
  const [, verdict, rest = ""] = /^(ok|failed) (.*)$/.exec(line) ?? []
  if (verdict === "ok") return { gpus: rest }
  return { error: (verdict ? rest : line) || "nothing was answered in time" }
}
