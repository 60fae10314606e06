import { application } from '../../tools/tsup-preset.ts'

export default application({ main: 'src/main.ts' })
