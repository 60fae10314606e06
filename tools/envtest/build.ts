// Builds the real control plane, and helm, into the user's cache, or says why not. Quiet when nothing is to do.
import { buildBinaries, CONTROL_PLANE, type Program } from './binaries.ts'

const asked = process.argv.slice(2) as Program[]
const built = buildBinaries(asked.length === 0 ? [...CONTROL_PLANE, 'helm'] : asked, line => console.error(line))
if (!built.ok) {
  console.error(`control plane: ${built.reason}`)
  process.exitCode = 1
}
