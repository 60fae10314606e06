/** Whether one resourceVersion is newer than another: unsigned decimals of any length (KEP-5504); others are only equal or not. */
export function isNewer(a: string, b: string): boolean {
  if (!isNumber(a) || !isNumber(b)) return a !== b
  return a.length !== b.length ? a.length > b.length : a > b
}

function isNumber(text: string): boolean {
  return /^[1-9][0-9]*$/.test(text)
}
