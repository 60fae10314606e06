import { Failure } from '@metallb-ts/runtime'
import { expect, test } from 'vitest'
import { lateAnswer } from '../src/late-answer.ts'

test('an answer knows its version, however it is written', () => {
  const object = { metadata: { name: 'a', resourceVersion: '17' } }
  for (const text of [JSON.stringify(object), JSON.stringify(object, undefined, 2)]) {
    const answer = lateAnswer(text)
    expect(answer.isVersion('17')).toBe(true)
    expect(answer.isVersion('1')).toBe(false)
    expect(answer.isVersion('18')).toBe(false)
    expect(answer.read()).toEqual(object)
  }
})

test('a version that only an annotation speaks of is not its own', () => {
  const copy = JSON.stringify({ metadata: { resourceVersion: '16' } })
  const answer = lateAnswer(JSON.stringify({ metadata: { name: 'a', annotations: { copy }, resourceVersion: '17' } }))
  expect(answer.isVersion('16')).toBe(false)
})

test('what is no JSON is a failure once it is read', () => {
  const answer = lateAnswer('<html>')
  expect(() => answer.read()).toThrow(Failure)
})
