// One datagram a millisecond to an address; prints the longest time without an answer, and the nodes that answered.
import { createSocket, type Socket } from 'node:dgram'

// A flow keeps the pod it was given, which may be lost with a node. Of many flows some have another.
const FLOWS = 16

const [host = '', port = '', seconds = '5'] = process.argv.slice(2)
const startedAt = performance.now()
const nodes: string[] = []
let last = startedAt
let longest = 0
let answers = 0

const sockets = await Promise.all(Array.from({ length: FLOWS }, connected))
process.stdout.write('started\n')
last = performance.now()
let turn = 0
const timer = setInterval(() => {
  sockets[turn++ % FLOWS]!.send(String(turn), () => {})
  if (performance.now() - startedAt < Number(seconds) * 1_000) return
  clearInterval(timer)
  gap(performance.now())
  process.stdout.write(`${JSON.stringify({ longestMs: Math.round(longest), answers, nodes })}\n`)
  process.exit()
}, 1)

function connected(): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', bytes => {
    answers++
    gap(performance.now())
    const node = bytes.toString().split(' ')[1] ?? ''
    if (!nodes.includes(node)) nodes.push(node)
  })
  // What arrives while an address has no owner is refused or unreachable: that is the gap itself.
  socket.on('error', () => {})
  return new Promise(resolve => socket.connect(Number(port), host, () => resolve(socket)))
}

function gap(now: number): void {
  longest = Math.max(longest, now - last)
  last = now
}
