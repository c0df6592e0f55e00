import type { Asked } from "./reports.ts"
import { readReports } from "./reports.ts"

const mostBytes = 20_000_000

/** What services told the receiver at `url`: GET / answers a JSON document per line, the newest last (docs/operations.md). */
export async function askReceiver(url: string | undefined): Promise<Asked> {
  if (url === undefined) return { why: "fleet.yaml names no host that it runs on" }
  try {
    const answer = await fetch(url, {
      headers: { accept: "application/x-ndjson" },
      redirect: "error",
      signal: AbortSignal.timeout(5000),
    })
    if (!answer.ok) return { url, why: `it answers ${answer.status}` }
    const reports = readReports(await bounded(answer))
    return reports ? { url, reports } : { url, why: "what it answers is no list of reports" }
  } catch (error) {
    return { url, why: whyNot(error) }
  }
}

async function bounded(answer: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength
    if (bytes > mostBytes) throw new Error(`it answers more than ${mostBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

function whyNot(error: unknown): string {
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { code?: string } }
  if (name === "TimeoutError") return "it gave no answer within 5 s"
  return cause?.code === "ECONNREFUSED" ? "nobody answers there" : (cause?.code ?? message ?? "it cannot be reached")
}
