import { library } from '../../tools/tsup-preset.ts'

export default library({
  index: 'src/index.ts',
  'node/index': 'src/node/index.ts',
  'testing/index': 'src/testing/index.ts',
  'wire/index': 'src/wire/index.ts',
})
