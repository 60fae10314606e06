import { readFileSync, writeFileSync } from 'node:fs'
import { booleanOption, optionsHelp, readOptions, textOption } from '@metallb-ts/runtime'
import { problemsOf } from './check.ts'
import { convert } from './convert.ts'
import { readSource } from './read.ts'
import { writeResources } from './write.ts'

const OPTIONS = {
  source: textOption({ flag: 'source', fallback: './config.yaml', help: 'file of the ConfigMap' }),
  output: textOption({ flag: 'output', fallback: './resources.yaml', help: 'file to write' }),
  onlyData: booleanOption({
    flag: 'only-data',
    help: 'the file holds the text of the configuration, and no ConfigMap',
  }),
  stdout: booleanOption({ flag: 'stdout', help: 'write to standard output, and no file' }),
}
const CANNOT = 1
const BAD_OPTIONS = 2

const options = readOptions(OPTIONS, process.argv.slice(2), process.env)
if (!options.ok) {
  const isHelp = options.error.code === 'help'
  if (isHelp) process.stdout.write(`configmaptocrs: custom resources of an old ConfigMap\n\n${optionsHelp(OPTIONS)}\n`)
  else process.stderr.write(`${options.error.sentence}\n`)
  process.exitCode = isHelp ? 0 : BAD_OPTIONS
} else run(options.value)

function run({ source, output, onlyData, stdout }: Choices): void {
  const read = readSource(readFileSync(source, 'utf8'), { onlyData })
  const made = read.ok ? convert(read.value.config, read.value.namespace) : read
  const problems = made.ok ? problemsOf(made.value) : made.error
  if (!made.ok || problems.length > 0) {
    for (const problem of problems) process.stderr.write(`${problem}\n`)
    process.exitCode = CANNOT
  } else if (stdout) process.stdout.write(writeResources(made.value))
  else writeFileSync(output, writeResources(made.value))
}

interface Choices {
  readonly source: string
  readonly output: string
  readonly onlyData: boolean
  readonly stdout: boolean
}
