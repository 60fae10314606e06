import { describe, expect, test } from 'vitest'
import { controllerHelp, readControllerOptions } from './options.ts'

describe('controller options', () => {
  test('MetalLB’s flags and variables are read as MetalLB’s manifests give them', () => {
    const read = readControllerOptions(
      [
        '--port=7472',
        '--log-level=info',
        '--webhook-mode=disabled',
        '--tls-min-version=VersionTLS12',
        '--tls-curve-preferences=29,23',
      ],
      {
        METALLB_NAMESPACE: 'metallb-system',
        METALLB_ML_SECRET_NAME: 'memberlist',
        METALLB_DEPLOYMENT: 'controller',
        METALLB_POD_NAME: 'controller-1',
        METALLB_BGP_TYPE: 'frr',
      },
    )
    expect(read).toMatchObject({
      ok: true,
      value: {
        namespace: 'metallb-system',
        metricsPort: 7472,
        healthPort: 17_472,
        memberSecretName: 'memberlist',
        deployment: 'controller',
        podName: 'controller-1',
        webhookMode: 'disabled',
        certificateRotation: true,
        tlsMinVersion: 'VersionTLS12',
        tlsCurves: ['X25519', 'P-256'],
        tlsCipherSuites: [],
        lease: '',
        withoutMeaning: ['METALLB_BGP_TYPE'],
      },
    })
  })

  test('the command line is stronger than the environment, and nothing is needed', () => {
    expect(readControllerOptions(['--namespace', 'x'], { METALLB_NAMESPACE: 'y' })).toMatchObject({
      value: { namespace: 'x' },
    })
    expect(readControllerOptions([], {})).toMatchObject({
      ok: true,
      value: { withoutMeaning: [], loadBalancerClass: '' },
    })
  })

  test.each<[readonly string[], string]>([
    [['--bogus'], 'unknown flag "--bogus"'],
    [['--log-level=loud'], '--log-level: "loud" must be one of all, debug, info, warn, error, none'],
    [['--port=65536'], '--port: "65536" must be a whole number from 0 to 65535'],
    [['--webhook-mode=maybe'], '--webhook-mode: "maybe" must be one of enabled, disabled, onlywebhook'],
    [['--tls-curve-preferences=29,29'], '--tls-curve-preferences: "29,29" names 29 twice'],
    [['--tls-curve-preferences=7'], '--tls-curve-preferences: "7" must be numbers of curves'],
    [['--tls-cipher-suites=TLS_RSA_WITH_AES_128_GCM_SHA256'], '--tls-cipher-suites: cannot be chosen with'],
    [['--namespace'], '--namespace needs a value'],
  ])('%j is refused in one line that names it', (argv, sentence) => {
    const read = readControllerOptions(argv, {})
    expect(read.ok ? '' : read.error.sentence).toContain(sentence)
    expect(read.ok ? '' : read.error.sentence).not.toContain('\n')
  })

  test('help has a line for every flag', () => {
    expect(controllerHelp()).toContain('--ml-secret-name [METALLB_ML_SECRET_NAME]')
  })
})
