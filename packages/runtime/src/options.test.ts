import { describe, expect, test } from 'vitest'
import { booleanOption, choiceOption, integerOption, optionsHelp, readOptions, textOption } from './options.ts'

const OPTIONS = {
  node: textOption({ flag: 'node-name', env: 'NODE_NAME', help: 'this node' }),
  port: integerOption({ flag: 'port', fallback: 9120, min: 0, max: 65_535, help: 'metrics' }),
  level: choiceOption({ flag: 'level', choices: ['low', 'high'], fallback: 'low', help: 'how much' }),
  wan: booleanOption({ flag: 'wan', help: 'far apart' }),
}

const read = (argv: string[], env: Record<string, string> = { NODE_NAME: 'n1' }) => readOptions(OPTIONS, argv, env)

describe('readOptions', () => {
  test('flags come before the environment, and the environment before defaults', () => {
    expect(read([])).toEqual({ ok: true, value: { node: 'n1', port: 9120, level: 'low', wan: false } })
    expect(read(['--node-name=n2', '--port=1'])).toMatchObject({ ok: true, value: { node: 'n2', port: 1 } })
  })

  test.each([
    [['--port', '7'], { port: 7 }],
    [['-port', '7'], { port: 7 }],
    [['-port=7', '--port=8'], { port: 8 }],
    [['--wan'], { wan: true }],
    [['--wan=false'], { wan: false }],
    [['--wan', '--port=7'], { wan: true, port: 7 }],
    [['--node-name='], { node: '' }],
    [['--node-name=a=b'], { node: 'a=b' }],
  ])('%j as Go programs read it', (argv, expected) => {
    expect(read(argv)).toMatchObject({ ok: true, value: expected })
  })

  test.each([
    [['--prot=1'], 'unknown flag "--prot=1"'],
    [['speaker'], 'unknown flag "speaker"'],
    [['--'], 'unknown flag "--"'],
    [['--port=99999'], '--port: "99999" must be a whole number from 0 to 65535'],
    [['--port=1e3'], '--port: "1e3" must be a whole number from 0 to 65535'],
    [['--port='], '--port: "" must be a whole number from 0 to 65535'],
    [['--port'], '--port needs a value'],
    [['--level=mid'], '--level: "mid" must be one of low, high'],
    [['--wan=yes'], '--wan: "yes" must be true or false'],
  ])('%j is refused in one line that names it', (argv, sentence) => {
    expect(read(argv)).toMatchObject({ ok: false, error: { sentence } })
  })

  test('a setting without a default has to be given, and an empty variable does not count', () => {
    expect(read([], { NODE_NAME: '' })).toMatchObject({
      ok: false,
      error: { code: 'required', sentence: '--node-name or NODE_NAME is required' },
    })
  })

  test('help names every flag with its variable and default', () => {
    const page = optionsHelp(OPTIONS)
    for (const text of ['--node-name [NODE_NAME]', '--port', '(default 9120)', '--level', '--wan']) {
      expect(page).toContain(text)
    }
  })
})
