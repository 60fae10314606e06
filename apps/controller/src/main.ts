import { hostname } from 'node:os'
import { createClient } from '@metallb-ts/k8s-watch'
import { connect, serveMetrics } from '@metallb-ts/k8s-watch/node'
import type { Logger } from '@metallb-ts/runtime'
import {
  createJsonLogger,
  keepHeapSmall,
  REAL_CLOCK,
  realRandom,
  startHealthServer,
  stopInTime,
  stopSignal,
} from '@metallb-ts/runtime/node'
import { createPrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import { controllerHelp, readControllerOptions, type ControllerOptions } from './options.ts'
import { startWebhooks } from './webhooks.ts'
import { createController } from './wire.ts'

const CANNOT_START = 1
const BAD_OPTIONS = 2
const LEASE_LOST = 3
/** Less than the grace period of the chart's pod. */
const MOST_STOP_MS = 8_000

const options = readControllerOptions(process.argv.slice(2), process.env)
if (options.ok) await run(options.value, createJsonLogger({ level: options.value.logLevel }))
else if (options.error.code === 'help') process.stdout.write(controllerHelp())
else {
  process.stderr.write(`${options.error.sentence}\n`)
  process.exitCode = BAD_OPTIONS
}

async function run(options: ControllerOptions, logger: Logger): Promise<void> {
  try {
    await live(options, logger)
  } catch (error) {
    logger.error('controller-cannot-start', { error })
    process.exit(CANNOT_START)
  }
}

async function live(options: ControllerOptions, logger: Logger): Promise<void> {
  const metrics = createPrometheusMetrics()
  const signal = stopSignal()
  const connected = await connect(options.kubeconfig, 'metallb-ts-controller')
  const namespace = options.namespace === '' ? connected.namespace : options.namespace
  const { transport } = connected
  logger.info('controller-starting', { namespace, withoutMeaning: options.withoutMeaning })

  const controller = createController(
    {
      transport,
      clock: REAL_CLOCK,
      random: realRandom(),
      logger,
      metrics,
      onLeaseLost: () => process.exit(LEASE_LOST),
    },
    { ...options, namespace, identity: options.podName === '' ? `${hostname()}-${process.pid}` : options.podName },
  )
  controller.bus.subscribe('process:works', keepHeapSmall)
  const allocates = options.webhookMode !== 'onlywebhook'
  // Before all that is served: reading takes the longest, and waits for none of it.
  if (allocates) controller.start()
  const webhooks =
    options.webhookMode === 'disabled'
      ? undefined
      : await startWebhooks({ client: createClient(transport), clock: REAL_CLOCK, logger }, { ...options, namespace })
  const scrape = await serveMetrics(options, {
    metrics,
    client: createClient(transport),
    clock: REAL_CLOCK,
    onTrouble: sentence => logger.error('metrics-certificate', { sentence }),
  })
  // Last: who asks it hears that all else is there.
  const health = await startHealthServer({
    port: options.healthPort,
    healthy: () => [],
    ready: () => [...(allocates ? controller.troubles : []), ...(webhooks?.troubles ?? [])],
  })
  logger.info('controller-listening', { healthPort: health.port, metricsPort: scrape?.port ?? 0 })

  const received = await signal
  const stop = async (): Promise<void> => {
    await controller.stop(received)
    await webhooks?.stop()
    await Promise.all([health.stop(), scrape?.stop(), transport.close()])
  }
  await stopInTime(stop, { ms: MOST_STOP_MS, onOverdue: () => logger.error('stop-overdue', { ms: MOST_STOP_MS }) })
  logger.info('controller-stopped')
}
