import { defineConfig, type Options } from 'tsup'

type Entry = Record<string, string>

/** A published library: one file per entry, ES modules, declarations beside them. */
export function library(entry: Entry): ReturnType<typeof defineConfig> {
  return defineConfig({ ...common(entry), dts: true, treeshake: true })
}

/** A process: everything bundled but native modules, so that a node starts it from a few files. */
export function application(entry: Entry): ReturnType<typeof defineConfig> {
  return defineConfig({
    ...common(entry),
    noExternal: [/^(?!koffi$|cap$|node:)/],
    external: ['koffi', 'cap'],
    metafile: true, // whose code is in it, for images
    splitting: true, // what only a kubeconfig needs is loaded only for one
    // Under a name that no source imports, for the banner stands in every chunk.
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
    },
    esbuildOptions: options => {
      options.conditions = ['development']
      options.minifyWhitespace = true // half of what has to be read; names stay for stack traces
      options.legalComments = 'none' // images hold the licences; one letter beyond ASCII doubles what a source takes in memory
    },
  })
}

function common(entry: Entry): Options {
  return { entry, format: ['esm'], target: 'node22', platform: 'node', clean: true, sourcemap: false, silent: true }
}
