import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const roots = '{packages,apps,tools,e2e}'

/** Every lane runs from source (the `development` condition), so no test needs a build. */
function lane(name: string, include: string[], more: object = {}): TestProjectInlineConfiguration {
  return {
    resolve: { conditions: ['development'] },
    ssr: { resolve: { conditions: ['development'], externalConditions: ['development'] } },
    test: { name, include, exclude: ['**/node_modules/**', '**/dist/**'], ...more },
  }
}

const minutes = (n: number): number => n * 60_000

export default defineConfig({
  test: {
    projects: [
      {
        ...lane('unit', [`${roots}/**/*.test.ts`]),
        test: {
          name: 'unit',
          include: [`${roots}/**/*.test.ts`],
          exclude: ['**/node_modules/**', '**/dist/**', '**/*.{sim,interop,lab}.test.ts', 'e2e/chart/**'],
          testTimeout: 30_000,
        },
      },
      lane('chart', ['e2e/chart/**/*.test.ts'], {
        exclude: ['**/node_modules/**', '**/*.lab.test.ts'],
        testTimeout: minutes(1),
      }),
      lane('sim', [`${roots}/**/*.sim.test.ts`], { testTimeout: minutes(5) }),
      lane('interop', [`${roots}/**/*.interop.test.ts`], {
        testTimeout: minutes(3),
        hookTimeout: minutes(3),
        fileParallelism: false,
      }),
      lane('lab', [`${roots}/**/*.lab.test.ts`], {
        testTimeout: minutes(5),
        hookTimeout: minutes(10),
        fileParallelism: false,
      }),
    ],
  },
})
