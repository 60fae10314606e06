import { describe, expect, test } from 'vitest'
import { readSpeakerOptions } from './options.ts'

const ENV = { METALLB_NODE_NAME: 'n1' }

describe('speaker options', () => {
  test('MetalLB’s flags and variables are read as MetalLB’s manifests give them', () => {
    const read = readSpeakerOptions(
      ['--port=9121', '--log-level=debug', '--lb-class=metallb', '--ignore-exclude-lb', '--health-probe-port=0'],
      {
        ...ENV,
        METALLB_POD_NAME: 'speaker-x',
        METALLB_ML_BIND_ADDR: '192.0.2.1',
        METALLB_ML_BIND_PORT: '7947',
        METALLB_ML_LABELS: 'app=metallb,component=speaker',
        METALLB_ML_SECRET_KEY_PATH: '/etc/ml_secret_key',
      },
    )
    expect(read).toMatchObject({
      ok: true,
      value: {
        nodeName: 'n1',
        podName: 'speaker-x',
        metricsPort: 9121,
        healthPort: 0,
        logLevel: 'debug',
        loadBalancerClass: 'metallb',
        ignoreExcludeLabel: true,
        memberBindAddress: '192.0.2.1',
        memberBindPort: 7947,
        memberLabels: 'app=metallb,component=speaker',
        memberSecretPath: '/etc/ml_secret_key',
        memberProfile: 'fast',
        election: 'metallb',
        holdDownSeconds: 0,
        avoidCordoned: false,
        withoutMeaning: [],
      },
    })
  })

  test('settings of the FRR modes are accepted and named as meaning nothing', () => {
    const read = readSpeakerOptions(['--frrk8s-secret-passthrough', '--bgp-debounce-timeout=1'], {
      ...ENV,
      METALLB_BGP_TYPE: 'frr-k8s',
    })
    expect(read).toMatchObject({
      ok: true,
      value: { withoutMeaning: ['METALLB_BGP_TYPE', '--frrk8s-secret-passthrough', 'METALLB_BGP_DEBOUNCE_TIMEOUT'] },
    })
  })

  test('how owners are elected, by flag or by variable', () => {
    const env = { ...ENV, METALLB_TS_L2_ELECTION: 'bounded', METALLB_TS_L2_HOLD_DOWN: '30' }
    expect(
      readSpeakerOptions(['--l2-election=sticky', '--l2-election-slack=150', '--l2-avoid-cordoned'], env),
    ).toMatchObject({
      ok: true,
      value: { election: 'sticky', electionSlackPercent: 150, holdDownSeconds: 30, avoidCordoned: true },
    })
  })

  test('the WAN preset is the safe profile', () => {
    expect(readSpeakerOptions(['--ml-wan-config'], ENV)).toMatchObject({ ok: true, value: { memberProfile: 'safe' } })
  })

  test.each([
    [['--log-level=loud'], ENV, '--log-level: "loud" must be one of all, debug, info, warn, error, none'],
    [['--log-levle=info'], ENV, 'unknown flag "--log-levle=info"'],
    [[], {}, '--node-name or METALLB_NODE_NAME is required'],
  ])('%j is refused in one line', (argv, env, sentence) => {
    expect(readSpeakerOptions(argv, env)).toMatchObject({ ok: false, error: { sentence } })
  })
})
