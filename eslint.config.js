import js from '@eslint/js'
import nx from '@nx/eslint-plugin'
import jsonParser from 'jsonc-eslint-parser'
import ts from 'typescript-eslint'

const [F, M, P, A, E] = ['foundation', 'mechanism', 'policy', 'app', 'e2e'].map(layer => `layer:${layer}`)

/** The layers: who may import whom. ARCHITECTURE.md says why. */
const layers = [
  { sourceTag: F, onlyDependOnLibsWithTags: [F] },
  { sourceTag: M, onlyDependOnLibsWithTags: [F] },
  { sourceTag: P, onlyDependOnLibsWithTags: [F, M, P] },
  { sourceTag: A, onlyDependOnLibsWithTags: [F, M, P] },
  { sourceTag: E, onlyDependOnLibsWithTags: [F, M, P, A, E] },
]

const world = 'Only src/node touches the world: take a Clock, a Random or a port.'

/** Pure code takes clock, chance and the wire through seams. */
const purity = {
  'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: world }] }],
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'setImmediate', 'process', 'console', 'fetch', 'performance', 'Buffer'].map(
      name => ({ name, message: world }),
    ),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: world },
    { object: 'Math', property: 'random', message: world },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: world },
    { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
  ],
}

export default ts.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/.nx/**', 'tools/envtest/modules/**'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  {
    files: ['**/*.ts', '**/*.js'],
    ignores: ['**/tsup.config.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: true, allowCircularSelfDependency: true, depConstraints: layers },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'no-undef': 'off', // the compiler knows better
      'no-console': 'off',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/*/src/node/**', 'packages/*/src/testing/**', 'packages/linux-net/**', '**/*.test.ts'],
    rules: purity,
  },
  {
    files: ['packages/*/package.json'],
    languageOptions: { parser: jsonParser },
    plugins: { '@nx': nx },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          ignoredFiles: [
            '{projectRoot}/tsup.config.ts',
            '{projectRoot}/**/*.test.ts',
            '{projectRoot}/test/**',
            '{projectRoot}/bench/**',
            '{projectRoot}/scripts/**',
            '{projectRoot}/examples/**',
            '{projectRoot}/src/testing/**',
          ],
          checkObsoleteDependencies: false,
          buildTargets: ['build'],
        },
      ],
    },
  },
)
