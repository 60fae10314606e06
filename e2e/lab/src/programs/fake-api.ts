// The embedded API server as a process, for a namespace of its own.
import { startFakeApiServer } from '@metallb-ts/k8s-watch/testing'

const [host = '127.0.0.1', port = '6443'] = process.argv.slice(2)
await startFakeApiServer({ host, port: Number(port) })
process.stdout.write('ready\n')
