import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Lab } from '../test/interop/lab.ts'

/** A router that learns, asked on its own control socket: starting its shell would cost more than what is measured. */
export interface Receiver {
  readonly name: 'BIRD' | 'FRR'
  /** The session with the sender, and the routes of it that are in the table. */
  ask(): Promise<{ readonly isEstablished: boolean; readonly routes: number }>
  close(): void
}

export const ROUTER_ASN = 64_500
export const SENDER_ASN = 64_512

/** Dials the sender at once. */
export const RECEIVERS: Readonly<Record<Receiver['name'], (lab: Lab) => Promise<Receiver>>> = {
  BIRD: async lab => {
    lab.bird(`
router id 192.0.2.1;
protocol device {}
protocol bgp sender {
  local 192.0.2.1 as ${ROUTER_ASN};
  neighbor 192.0.2.10 as ${SENDER_ASN};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`)
    const control = await Control.open(join(lab.folder, 'bird.ctl'), '\n', /^\d{4} .*\n$/m)
    await control.next()
    return {
      name: 'BIRD',
      ask: async () => {
        const text = await control.ask('show protocols all sender')
        return {
          isEstablished: /BGP state: +Established/.test(text),
          routes: numberIn(text, /Routes: +(\d+) imported/),
        }
      },
      close: () => control.close(),
    }
  },
  FRR: async lab => {
    lab.frr(`
router bgp ${ROUTER_ASN}
 bgp router-id 192.0.2.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.0.2.10 remote-as ${SENDER_ASN}
 neighbor 192.0.2.10 timers connect 1
`)
    const control = await Control.open(join(lab.folder, 'bgpd.vty'), '\0', /\0\0\0[\s\S]$/)
    await control.ask('enable')
    return {
      name: 'FRR',
      ask: async () => {
        const text = await control.ask('show bgp ipv4 unicast summary json')
        return { isEstablished: text.includes('"state":"Established"'), routes: numberIn(text, /"pfxRcd":(\d+)/) }
      },
      close: () => control.close(),
    }
  },
}

/** A daemon's command line on a socket: one question at a time. */
export class Control {
  readonly #socket: Socket
  readonly #separator: string
  readonly #end: RegExp
  readonly #answers: string[] = []
  readonly #waiting: ((text: string) => void)[] = []
  #text = ''

  private constructor(socket: Socket, separator: string, end: RegExp) {
    this.#socket = socket
    this.#separator = separator
    this.#end = end
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('data', (text: string) => {
      this.#text += text
      if (!this.#end.test(this.#text)) return
      this.#answers.push(this.#text)
      this.#text = ''
      this.#settle()
    })
  }

  /** Waits until the daemon listens. */
  static async open(path: string, separator: string, end: RegExp): Promise<Control> {
    for (let tries = 0; ; tries++) {
      try {
        const socket = createConnection(path)
        await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
        return new Control(socket, separator, end)
      } catch (error) {
        if (tries > MOST_TRIES) throw error
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }

  ask(question: string): Promise<string> {
    this.#socket.write(`${question}${this.#separator}`)
    return this.next()
  }

  /** What it says next, unasked at first. */
  next(): Promise<string> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#settle()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #settle(): void {
    while (this.#answers.length > 0 && this.#waiting.length > 0) this.#waiting.shift()!(this.#answers.shift()!)
  }
}

const MOST_TRIES = 1_000

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
