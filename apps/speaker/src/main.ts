import { existsSync, readFileSync } from 'node:fs'
import { routerDiscovery, tcpTransport } from '@metallb-ts/bgp-fsm/node'
import { createClient } from '@metallb-ts/k8s-watch'
import { connect, serveMetrics } from '@metallb-ts/k8s-watch/node'
import { releaseFreeMemory, releaseProgramPages } from '@metallb-ts/linux-net/node'
import { parseAddress } from '@metallb-ts/netip'
import {
  compactHeap,
  createJsonLogger,
  growHeapSlowly,
  REAL_CLOCK,
  realRandom,
  startHealthServer,
  stopInTime,
  stopSignal,
  type Page,
} from '@metallb-ts/runtime/node'
import { createPrometheusMetrics } from '@metallb-ts/runtime/prometheus'
import type { Logger } from '@metallb-ts/runtime'
import { excludedInterfaces } from './excluded-interfaces.ts'
import type { LanInit, LanMembership } from './lan/lan.ts'
import { startLan } from './lan/start-lan.ts'
import { memberlistConfig } from './memberlist-config.ts'
import { readSpeakerOptions, speakerHelp, type SpeakerOptions } from './options.ts'
import { missingPrivileges } from './privileges.ts'
import { createSpeaker, FALLBACK_ROUTER_ID } from './wire.ts'

const CANNOT_START = 1
const BAD_OPTIONS = 2
/** V8 has collected what a start left, too, which needs much of Node's file. */
const COLLECTED_MS = 30_000
/** Less than the grace period of the chart's pods. */
const MOST_STOP_MS = 8_000

const options = readSpeakerOptions(process.argv.slice(2), process.env)
if (options.ok) await run(options.value)
else if (options.error.code === 'help') process.stdout.write(speakerHelp())
else {
  process.stderr.write(`${options.error.sentence}\n`)
  process.exitCode = BAD_OPTIONS
}

async function run(options: SpeakerOptions): Promise<void> {
  const logger = createJsonLogger({ level: options.logLevel })
  const missing = missingPrivileges(readFileSync('/proc/self/status', 'utf8'), { bgpListenPort: options.bgpPort })
  for (const privilege of missing) logger.error('privilege-missing', { ...privilege })
  if (missing.length > 0) return void (process.exitCode = CANNOT_START)
  const metrics = createPrometheusMetrics()
  const signal = stopSignal()
  const { transport, ...connected } = await connect(options.kubeconfig, 'metallb-ts-speaker')
  const namespace = options.namespace === '' ? connected.namespace : options.namespace
  logger.info('speaker-starting', { node: options.nodeName, namespace, withoutMeaning: options.withoutMeaning })

  const lanInit = lanInitOf(options, logger)
  const speaker = createSpeaker(
    {
      transport,
      bgpTransport: tcpTransport(),
      discovery: routerDiscovery({ clock: REAL_CLOCK, random: realRandom() }, { onTrouble }),
      clock: REAL_CLOCK,
      random: realRandom(),
      logger,
      metrics,
      startLan: ({ events }) => startLan({ events, logger, onFailure: fail }, lanInit),
    },
    {
      ...options,
      node: options.nodeName,
      namespace,
      hasMembership: lanInit.membership !== undefined,
      routerId: FALLBACK_ROUTER_ID,
      bgpListenPort: options.bgpPort,
      drainDelayMs: options.drainSeconds * 1_000,
    },
  )
  speaker.bus.subscribe('process:works', growHeapSlowly)
  speaker.bus.subscribe('process:rests', () => {
    const endCompacting = compactHeap()
    giveBack()
    const rested = setTimeout(() => {
      endCompacting()
      giveBack()
    }, COLLECTED_MS)
    rested.unref() // a process that stops does not wait for it
  })
  const starting = speaker.start()
  const scrape = await serveMetrics(options, {
    metrics,
    client: createClient(transport),
    clock: REAL_CLOCK,
    onTrouble: sentence => logger.error('metrics-certificate', { sentence }),
  })
  const health = await startHealthServer({
    port: options.healthPort,
    host: '127.0.0.1',
    healthy: () => [],
    ready: () => speaker.troubles,
    pages: {
      '/debug/state': () => json(speaker.state()),
      '/debug/events': () => json(speaker.events()),
    },
  })
  logger.info('speaker-listening', { healthPort: health.port, metricsPort: scrape?.port ?? 0 })
  await starting
  const received = await signal
  const stop = async (): Promise<void> => {
    await speaker.stop(received)
    await Promise.all([health.stop(), scrape?.stop(), transport.close()])
  }
  await stopInTime(stop, { ms: MOST_STOP_MS, onOverdue: () => logger.error('stop-overdue', { ms: MOST_STOP_MS }) })
  logger.info('speaker-stopped', { node: options.nodeName })

  function onTrouble(interfaceName: string, reason: string): void {
    logger.warn('no-router-discovery', { interface: interfaceName, reason })
  }

  function fail(error: Error): void {
    logger.error('lan-thread-failed', { error })
    process.exit(1)
  }
}

/** Of memory, what the start needed and nobody needs now. */
function giveBack(): void {
  releaseFreeMemory()
  void releaseProgramPages()
}

function lanInitOf(options: SpeakerOptions, logger: Logger): LanInit {
  const { nodeName, memberBindAddress, memberBindPort, memberSecretPath, excludedInterfacesFile } = options
  const { election: name, electionSlackPercent, holdDownSeconds } = options
  const bindAddress = parseAddress(memberBindAddress)
  const secret = memberSecretPath === '' ? '' : readFileSync(`${memberSecretPath}/secretkey`, 'utf8')
  return {
    node: nodeName,
    excludedInterfaces: excludedInterfaces(excludedInterfacesFile),
    guard: options.guard,
    backend: options.l2Backend,
    election: {
      spreading: name === 'metallb' ? { name } : { name, slack: electionSlackPercent / 100 },
      holdDownMs: holdDownSeconds * 1_000,
    },
    ...(bindAddress.ok && {
      membership: {
        bindAddress: bindAddress.value,
        bindPort: memberBindPort,
        secret,
        profile: profileOf(options, logger),
      },
    }),
  }
}

/** MetalLB does not start with a file it cannot read, and neither do we: the others would be of another patience. */
function profileOf({ memberProfile, memberConfigFile }: SpeakerOptions, logger: Logger): LanMembership['profile'] {
  if (!existsSync(memberConfigFile)) return memberProfile
  const read = memberlistConfig(readFileSync(memberConfigFile, 'utf8'))
  if (!read.ok) throw new TypeError(`${memberConfigFile}: ${read.error}`)
  logger.info('memberlist-config-read', { ...read.value.profile, withoutMeaning: read.value.withoutMeaning })
  return read.value.profile
}

function json(value: unknown): Page {
  return { contentType: 'application/json', body: `${JSON.stringify(value, plain, 2)}\n` }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
