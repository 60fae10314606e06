export type DiagnosticName =
  | 'none'
  | 'detection-time-expired'
  | 'echo-failed'
  | 'neighbor-signaled-down'
  | 'forwarding-plane-reset'
  | 'path-down'
  | 'concatenated-path-down'
  | 'administratively-down'
  | 'reverse-concatenated-path-down'

/** What a session says about why it went down (RFC 5880 §4.1). */
export const DIAGNOSTICS: Readonly<Record<DiagnosticName, number>> = {
  none: 0,
  'detection-time-expired': 1,
  'echo-failed': 2,
  'neighbor-signaled-down': 3,
  'forwarding-plane-reset': 4,
  'path-down': 5,
  'concatenated-path-down': 6,
  'administratively-down': 7,
  'reverse-concatenated-path-down': 8,
}

/** The name of a number from the wire; those without one are no error. */
export function diagnosticName(diagnostic: number): string {
  return Object.entries(DIAGNOSTICS).find(([, number]) => number === diagnostic)?.[0] ?? `diagnostic-${diagnostic}`
}
