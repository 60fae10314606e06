import { describe, expect, test } from 'vitest'
import { KeyLine } from '../src/key-line.ts'

function line(...keys: readonly string[]): KeyLine {
  const made = new KeyLine()
  for (const key of keys) made.add(key)
  return made
}

describe('a line of names', () => {
  test('gives them in the order in which they came, each once', () => {
    const names = line('a', 'b', 'a', 'c')
    expect([names.take(), names.take(), names.take(), names.take()]).toEqual(['a', 'b', 'c', undefined])
  })

  test('gives what came after it was empty', () => {
    const names = line('a')
    names.take()
    expect(names.take()).toBeUndefined()
    names.add('b')
    expect(names.take()).toBe('b')
  })

  test('puts at the end what was taken away and came again', () => {
    const names = line('a', 'b', 'c')
    names.delete('a')
    names.add('a')
    expect([names.take(), names.take(), names.take()]).toEqual(['b', 'c', 'a'])
  })

  test('forgets everything, and goes on', () => {
    const names = line('a', 'b')
    names.take()
    names.clear()
    expect([names.size, names.has('b'), names.take()]).toEqual([0, false, undefined])
    names.add('c')
    expect([names.size, names.take()]).toEqual([1, 'c'])
  })
})
