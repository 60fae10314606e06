import type { ServerResponse } from 'node:http'
import { failure } from './answers.ts'
import type { FakeFaultEffect, ProxyFaultEffect } from './faults.ts'

/** Does what a fault asks for in place of an answer. True when nothing more is to be done. */
export async function goesWrong(fault: FakeFaultEffect | ProxyFaultEffect, response: ServerResponse): Promise<boolean> {
  switch (fault.type) {
    case 'silence':
      return true
    case 'reset':
      response.destroy()
      return true
    case 'delay':
      await new Promise(resolve => setTimeout(resolve, fault.ms))
      return false
    case 'status': {
      const { status, body } = failure(fault.code, fault.reason ?? '', 'as the test asked')
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds))
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      return true
    }
    default:
      return false
  }
}
