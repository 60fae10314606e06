import { library } from '../../tools/tsup-preset.ts'

export default library({ index: 'src/index.ts', 'testing/index': 'src/testing/index.ts' })
