import { Worker } from 'node:worker_threads'
import { closeWaker, createWaker, wake } from '@metallb-ts/linux-net/node'
import { REAL_CLOCK } from '@metallb-ts/runtime/node'
import { LanFront } from './lan-front.ts'
import type { Lan, LanComponents, LanInit } from './lan.ts'
import type { FromLan, LanWorkerData } from './protocol.ts'

/**
 * Starts the thread that answers ARP and NDP and keeps the heartbeats. Rejects when the thread cannot start. What the
 * main thread does or fails to do afterwards changes nothing for the network, until it applies something else.
 */
export async function startLan(components: LanComponents, init: LanInit): Promise<Lan> {
  const lan = startThread(components, init)
  await lan.started.catch((error: unknown) => {
    throw new Error('the thread of the LAN could not start', { cause: error })
  })
  return lan
}

function startThread({ events, logger, onFailure }: LanComponents, init: LanInit): LanFront {
  const wakeFd = createWaker()
  const worker = new Worker(workerUrl(), {
    name: 'lan',
    workerData: { init, wakeFd } satisfies LanWorkerData,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB, maxYoungGenerationSizeMb: MOST_YOUNG_MB },
    ...(isSource && { execArgv: [...process.execArgv, '--conditions=development'] }),
  })
  const lan = new LanFront({
    clock: REAL_CLOCK,
    events,
    logger,
    onFailure,
    send: message => {
      worker.postMessage(message)
      wake(wakeFd)
    },
  })
  // A thread inside poll(2) cannot be ended from outside: whoever ends the process has to wake it first.
  const onProcessExit = (): void => lan.abandon()
  worker.on('message', (message: FromLan) => lan.onMessage(message))
  worker.on('error', error => lan.onError(error))
  worker.once('exit', () => {
    process.off('exit', onProcessExit)
    lan.onEnd()
    closeWaker(wakeFd)
  })
  process.on('exit', onProcessExit)
  return lan
}

/** What ten thousand addresses with a hundred candidates take several times over. */
const MOST_HEAP_MB = 256
/** Short collections, and no more memory than a thread needs that keeps little. */
const MOST_YOUNG_MB = 3

const isSource = import.meta.url.endsWith('.ts')

/** Beside this file in the source, beside the bundle in a build. */
function workerUrl(): URL {
  return new URL(isSource ? './worker.ts' : './lan-worker.js', import.meta.url)
}
