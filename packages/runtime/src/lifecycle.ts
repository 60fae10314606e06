/** Something that runs. Both calls are safe to repeat; `stop` resolves when nothing of it is still running. */
export interface Startable {
  start(): void | Promise<void>
  stop(): void | Promise<void>
}

/** Stops in the reverse order of starting, each one even when another failed; the first failure is thrown at the end. */
export async function stopAll(parts: readonly Startable[]): Promise<void> {
  const errors: unknown[] = []
  for (const part of [...parts].reverse()) {
    try {
      await part.stop()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
