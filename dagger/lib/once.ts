/** Looks when it is first asked, and answers the same to everybody who asks later. */
export function once<T>(look: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => (answer ??= look())
}
