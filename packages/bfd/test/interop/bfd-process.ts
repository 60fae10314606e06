// Sessions on real UDP, driven by JSON lines on stdin, for tests that run them inside a network namespace.
import { readSync, writeSync } from 'node:fs'
import { createBfd, type BfdPath, type BfdProfile, type SessionHandle } from '@metallb-ts/bfd'
import { udpTransport } from '@metallb-ts/bfd/node'
import { createWaker, PollLoop, raiseThreadPriority } from '@metallb-ts/linux-net/node'
import { address } from '@metallb-ts/netip'
import { realRandom } from '@metallb-ts/runtime/node'

type Command =
  | {
      do: 'open'
      path: { kind: BfdPath['kind']; remote: string; local?: string; interface?: string; vrf?: string }
      profile?: BfdProfile
    }
  | { do: 'update'; key: string; profile: BfdProfile }
  | { do: 'disable' | 'enable' | 'close'; key: string }
  | { do: 'stall'; ms: number }
  | { do: 'show' }
  | { do: 'stop' }

const say = (line: object): void => void writeSync(1, `${JSON.stringify(line, plain)}\n`)
const loop = new PollLoop(createWaker(), () => {})
const { clock } = loop
let isStopping = false
const events = {
  publish: (name: string, detail: { readonly session: string }) => {
    say({
      name,
      detail,
      at: performance.timeOrigin + performance.now(),
      ...(name === 'bfd:closed' && { counters: handles.get(detail.session)!.session.counters }),
    })
    if (isStopping && bfd.sessions.size === 0) loop.stop()
  },
}
const bfd = createBfd({ clock, random: realRandom(), transport: udpTransport(loop), events })
const handles = new Map<string, SessionHandle>()

function obey(command: Command): void {
  switch (command.do) {
    case 'open': {
      const { remote, local, ...more } = command.path
      const path = {
        ...more,
        remote: address(remote),
        ...(local !== undefined && { local: address(local) }),
      } as BfdPath
      const opened = bfd.open(path, command.profile)
      if (opened.ok) handles.set(opened.value.session.key, opened.value)
      return say(opened.ok ? { name: 'opened', key: opened.value.session.key } : { name: 'refused', ...opened.error })
    }
    case 'update':
      return handles.get(command.key)!.update(command.profile)
    case 'disable':
      return handles.get(command.key)!.session.disable()
    case 'enable':
      return handles.get(command.key)!.session.enable()
    case 'close':
      return void handles.get(command.key)!.close()
    case 'stall':
      return void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms)
    case 'show':
      return say({ name: 'shown', sessions: Array.from(bfd.sessions.values(), shown), discarded: bfd.discarded })
    case 'stop':
      isStopping = true
      return void bfd.stop()
  }
}

function shown(session: SessionHandle['session']): object {
  const { key, state, diagnostic, sourcePort, remote, timing, counters } = session
  return { key, state, diagnostic, sourcePort, remote, timing, counters }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value
}

const buffer = Buffer.alloc(65_536)
let text = ''
const input = loop.add(0, () => {
  const length = readSync(0, buffer)
  if (length === 0) {
    input.remove()
    return obey({ do: 'stop' })
  }
  text += buffer.toString('utf8', 0, length)
  const lines = text.split('\n')
  text = lines.pop() ?? ''
  for (const line of lines) obey(JSON.parse(line) as Command)
})

say({ name: 'started', priority: raiseThreadPriority() })
loop.run()
