// One datagram a millisecond to an address; prints the longest time without an answer, and the nodes that answered.
import { createSocket } from 'node:dgram'

const [host = '', port = '', seconds = '5'] = process.argv.slice(2)
const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
const startedAt = performance.now()
const nodes: string[] = []
let last = startedAt
let longest = 0
let answers = 0

function gap(now: number): void {
  longest = Math.max(longest, now - last)
  last = now
}

socket.on('message', bytes => {
  answers++
  gap(performance.now())
  const node = bytes.toString().split(' ')[1] ?? ''
  if (nodes.at(-1) !== node) nodes.push(node)
})
// What arrives while an address has no owner is refused or unreachable: that is the gap itself.
socket.on('error', () => {})
socket.connect(Number(port), host, () => {
  process.stdout.write('started\n')
  const timer = setInterval(() => {
    socket.send(String(answers), () => {})
    if (performance.now() - startedAt < Number(seconds) * 1_000) return
    clearInterval(timer)
    gap(performance.now())
    process.stdout.write(`${JSON.stringify({ longestMs: Math.round(longest), answers, nodes })}\n`)
    process.exit()
  }, 1)
})
