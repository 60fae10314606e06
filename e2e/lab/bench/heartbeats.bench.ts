import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import { encodeHeartbeat, nameHash, PROFILES } from '@metallb-ts/membership'
import { secretCipher } from '@metallb-ts/membership/node'
import { PROGRAM_FLAGS } from '../src/index.ts'
import { Talk } from './l2/talk.ts'

/**
 * What heartbeats of profile `fast` cost one node among 10, 50 and 100: a member in a process of its own, and this process in
 * the place of all the others, over loopback, sealed as between speakers. JSON on standard output.
 */
const SECONDS = Number(process.argv[2] ?? 10)
const SIZES = [10, 50, 100]
const SECRET = 'a secret of the cluster'
const [OWN_PORT, PORT] = [27_946, 27_947]
const PARTS = 10 // of an interval: the others do not beat all at once

interface Used {
  readonly cpuSeconds: number
  readonly alive: number
  readonly received: number
  readonly sent: number
  readonly sentOctets: number
}

const rows: Readonly<Record<string, string | number>>[] = []
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
for (const size of SIZES) rows.push(await measure(size))
process.stdout.write(`${JSON.stringify({ benchmark: 'heartbeats', page: 'l2', rows }, undefined, 2)}\n`)
process.exit()

async function measure(size: number): Promise<Readonly<Record<string, string | number>>> {
  const nodes = Array.from({ length: size }, (_, i) => `node-${i}`)
  const script = fileURLToPath(new URL('l2/member.ts', import.meta.url))
  const peers = nodes.map((node, i) => `${node}=127.0.0.${i + 1}`)
  const command = [...PROGRAM_FLAGS, script, String(OWN_PORT), String(PORT), SECRET, ...peers]
  const member = new Talk('the member', spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] }))
  const others = await startOthers(nodes)
  try {
    while ((await used(member)).alive < size) await pause(100)
    const before = await used(member)
    await pause(SECONDS * 1_000)
    const after = await used(member)
    if (after.alive < size) throw new Error(`of ${size} members ${after.alive} are alive`)
    return {
      nodes: size,
      'received a second': Math.round((after.received - before.received) / SECONDS),
      'sent a second': Math.round((after.sent - before.sent) / SECONDS),
      'octets of one': Math.round((after.sentOctets - before.sentOctets) / (after.sent - before.sent)),
      'CPU of one processor %': Math.round((1_000 * (after.cpuSeconds - before.cpuSeconds)) / SECONDS) / 10,
    }
  } finally {
    others.stop()
    member.child.kill('SIGKILL')
  }
}

/** All but the first. */
async function startOthers(nodes: readonly string[]): Promise<{ stop(): void }> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(PORT, () => resolve()))
  const cipher = secretCipher(SECRET)
  const boot = Date.now()
  const heard = new Map(nodes.map(node => [nameHash(node), 25]))
  let turn = 0
  const timer = setInterval(() => {
    turn++
    for (let i = 1 + (turn % PARTS); i < nodes.length; i += PARTS) {
      const heartbeat = { node: nodes[i]!, boot, sequence: turn, isReady: true, isLeaving: false, heard }
      socket.send(cipher.seal(encodeHeartbeat(heartbeat)), OWN_PORT, '127.0.0.1')
    }
  }, PROFILES.fast.intervalMs / PARTS)
  return {
    stop: () => {
      clearInterval(timer)
      socket.close()
    },
  }
}

async function used(member: Talk): Promise<Used> {
  const answer = member.hear('what it has used', line => line.startsWith('{'))
  member.say('used')
  return JSON.parse(await answer) as Used
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
