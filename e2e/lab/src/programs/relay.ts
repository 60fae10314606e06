// Carries connections from a Unix socket, which every namespace sees, to an address that only this one does.
import { connect, createServer } from 'node:net'

const [path = '', host = '', port = ''] = process.argv.slice(2)

createServer(inside => {
  const outside = connect(Number(port), host)
  inside.pipe(outside).pipe(inside)
  inside.on('error', () => outside.destroy())
  outside.on('error', () => inside.destroy())
}).listen(path)
