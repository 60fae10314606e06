import { stopSignal } from '../../src/node/index.ts'

setInterval(() => {}, 1_000)
process.stdout.write('up\n')
process.stdout.write(`${await stopSignal()}\n`)
