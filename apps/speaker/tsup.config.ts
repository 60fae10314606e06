import { application } from '../../tools/tsup-preset.ts'

export default application({
  main: 'src/main.ts',
  'lan-worker': 'src/lan/worker.ts',
  'cap-child': '../../packages/linux-net/src/node/cap-child.ts',
})
