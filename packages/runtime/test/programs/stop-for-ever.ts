import { stopInTime } from '@metallb-ts/runtime/node'

// Stops at once with the argument `now`, never without.
const stop = (): Promise<void> => (process.argv[2] === 'now' ? Promise.resolve() : new Promise(() => {}))
await stopInTime(stop, { ms: 100, onOverdue: () => process.stdout.write('overdue\n') })
process.stdout.write('stopped\n')
