import type { LinkMonitor, Links } from '@metallb-ts/l2-announcer'
import { packetLinks, SystemError, type PollLoop } from '@metallb-ts/linux-net/node'

/** This machine's interfaces over packet sockets and netlink, as the announcer wants them. */
export function nativeLinks(loop: PollLoop): Links & LinkMonitor & { close(): void } {
  const links = packetLinks(loop)
  return {
    ...links,
    open: (link, onFrame) => {
      const opened = links.open(link, onFrame)
      if (!opened.ok) return opened
      const port = opened.value
      return { ok: true, value: { ...port, join: group => succeeds(() => port.join(group)) } }
    },
  }
}

function succeeds(call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    if (error instanceof SystemError) return false
    throw error
  }
}
