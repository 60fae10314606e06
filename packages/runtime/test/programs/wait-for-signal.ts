import { stopSignal } from '../../src/node/index.ts'

const signal = stopSignal()
setInterval(() => {}, 1_000)
process.stdout.write('up\n')
process.stdout.write(`${await signal}\n`)
