// A pod: answers HTTP with its node and the client it saw, and echoes datagrams with the name of its node.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'

const [node = '', port = '8080'] = process.argv.slice(2)

createServer((request, response) => {
  response.end(`${JSON.stringify({ node, client: request.socket.remoteAddress?.replace(/^::ffff:/, '') })}\n`)
}).listen({ port: Number(port), host: '::' })

const socket = createSocket({ type: 'udp6', ipv6Only: false })
socket.on('message', (bytes, from) => socket.send(`${bytes.toString()} ${node}`, from.port, from.address))
socket.bind(Number(port), '::')
