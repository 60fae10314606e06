// Runs the images that `make images` has built: in the laboratory, as the chart says.
import { exitOnSignals, runTool } from '../run.ts'

exitOnSignals()

const files = ['e2e/chart/images.lab.test.ts', 'e2e/chart/first-answer.lab.test.ts']
const { code, output } = await runTool('vitest', ['run', '--project', 'lab', ...files], { env: { IMAGES: '1' } })
console.log(output.trim())
process.exitCode = code
