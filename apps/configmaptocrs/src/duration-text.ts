import { failed, ok, type Result } from '@metallb-ts/runtime'

/** A duration of Go (`90s`, `1m30s`, `1.5h`) in whole seconds, and as Go writes it. */
export function durationText(text: string): Result<{ readonly seconds: number; readonly text: string }, string> {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  const isWhole = text === '0' || (parts.length > 0 && parts.map(([part]) => part).join('') === text)
  if (!isWhole) return failed(`"${text}" is no duration`)
  const exact = parts.reduce((sum, [, number, unit]) => sum + Number(number) * SECONDS[unit as keyof typeof SECONDS], 0)
  const seconds = Math.floor(exact)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)]
  const written = `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`
  return ok({ seconds, text: written })
}

const SECONDS = { h: 3_600, m: 60, s: 1, ms: 0.001 }
