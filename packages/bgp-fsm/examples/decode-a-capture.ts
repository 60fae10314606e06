import { decodeMessage, gravest } from '@metallb-ts/bgp-fsm/wire'
import { formatPrefix } from '@metallb-ts/netip'

const captured = `ffffffffffffffffffffffffffffffff 0054 02 0000 002e
  40010100 4002060201fa56ea0a 400304c000020a c00808fbf40064ffff0000 c0200cfa56ea0a0000000100000007
  20cb007101 20cb007102 20cb00714d`

const bytes = Uint8Array.from(Buffer.from(captured.replaceAll(/\s/g, ''), 'hex'))
const decoded = decodeMessage(bytes, { fourOctetAs: true, internal: false })
if (!decoded.ok) console.log('a session would end with', decoded.notification)
else if (decoded.message.type === 'update') {
  const { announced, attributes, issues } = decoded.message
  console.log(announced.map(formatPrefix).join(' '))
  for (const attribute of attributes)
    console.log(JSON.stringify(attribute, (_, one) => (typeof one === 'bigint' ? `${one}` : one)))
  console.log('what RFC 7606 asks for:', gravest(issues) ?? 'nothing')
}
