import type { CloseReason } from './close-reason.ts'

/** RFC 5492 §5: what a peer may take us without, by capability code; families and AS number always stay. */
export function refusedCapabilities(reason: CloseReason): readonly number[] {
  if (reason.code !== 'notification-received') return []
  const { errorCode, errorSubcode, data } = reason.error
  if (errorCode !== OPEN_ERROR || (errorSubcode !== UNSUPPORTED_PARAMETER && errorSubcode !== UNSUPPORTED_CAPABILITY))
    return []
  const named = errorSubcode === UNSUPPORTED_CAPABILITY ? capabilityCodes(data) : []
  return named.length === 0 ? OPTIONAL_CAPABILITIES : named.filter(code => OPTIONAL_CAPABILITIES.includes(code))
}

const OPEN_ERROR = 2
const UNSUPPORTED_PARAMETER = 4
const UNSUPPORTED_CAPABILITY = 7
const OPTIONAL_CAPABILITIES: readonly number[] = [2, 5, 6, 9, 64, 69, 70, 71]

function capabilityCodes(data: Uint8Array): number[] {
  const codes: number[] = []
  for (let at = 0; at + 1 < data.length; at += 2 + data[at + 1]!) codes.push(data[at]!)
  return codes
}
