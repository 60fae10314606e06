/** The only reader of signals: resolves with the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(SIGNAL_EXIT_CODE)
      asked = true
      resolve(signal)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)
  })
}

/** Stops, in time: when that takes longer than this the process ends anyway, after `onOverdue`, with code 1. */
export async function stopInTime(
  stop: () => Promise<void>,
  { ms, onOverdue }: { readonly ms: number; readonly onOverdue: () => void },
): Promise<void> {
  const overdue = setTimeout(() => {
    onOverdue()
    process.exit(OVERDUE_EXIT_CODE)
  }, ms)
  await stop()
  clearTimeout(overdue)
}

const SIGNAL_EXIT_CODE = 130
const OVERDUE_EXIT_CODE = 1
