// Writes API.md: every public name with its declaration, as the source has it. `node scripts/api-reference.ts`
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'

export interface PublicName {
  readonly entry: string
  readonly name: string
  /** Comment and declaration; '' when the name was not found. */
  readonly text: string
  readonly isDocumented: boolean
}

const ROOT: string = join(import.meta.dirname, '..')
const ENTRIES: Readonly<Record<string, string>> = {
  '@metallb-ts/bgp-fsm': 'src/index.ts',
  '@metallb-ts/bgp-fsm/node': 'src/node/index.ts',
  '@metallb-ts/bgp-fsm/wire': 'src/wire/index.ts',
  '@metallb-ts/bgp-fsm/testing': 'src/testing/index.ts',
}
export const API_FILE: string = join(ROOT, 'API.md')

export function publicNames(): PublicName[] {
  return Object.entries(ENTRIES).flatMap(([entry, file]) => namesOf(join(ROOT, file)).map(one => ({ entry, ...one })))
}

export async function apiReference(): Promise<string> {
  const names = publicNames()
  const sections = Object.keys(ENTRIES).map(entry => {
    const own = names.filter(one => one.entry === entry).sort((a, b) => (a.name < b.name ? -1 : 1))
    return [`## ${entry}`, ...own.map(({ name, text }) => `### ${name}\n\n\`\`\`ts\n${text}\n\`\`\``)].join('\n\n')
  })
  const text = `# API of bgp-fsm\n\nMade of the sources by \`node scripts/api-reference.ts\`.\n\n${sections.join('\n\n')}\n`
  return format(text, { ...(await resolveConfig(API_FILE)), filepath: API_FILE })
}

/** What an entry exports, one by one, from the files beside it. */
function namesOf(entry: string): Omit<PublicName, 'entry'>[] {
  return parse(entry, readFileSync(entry, 'utf8')).statements.flatMap(statement => {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) return []
    const { exportClause } = statement
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return []
    const path = join(dirname(entry), (statement.moduleSpecifier as ts.StringLiteral).text)
    const source = declarations(path)
    return exportClause.elements.map(({ name }) => ({ name: name.text, ...declarationOf(source, name.text) }))
  })
}

function declarations(path: string): ts.SourceFile {
  const { outputText } = ts.transpileDeclaration(readFileSync(path, 'utf8'), {
    fileName: path,
    compilerOptions: { isolatedDeclarations: true, target: ts.ScriptTarget.ES2024 },
  })
  return parse(path, outputText)
}

function declarationOf(source: ts.SourceFile, name: string): Pick<PublicName, 'text' | 'isDocumented'> {
  const found = source.statements.find(statement => declares(statement, name))
  if (found === undefined) return { text: '', isDocumented: false }
  const comments = ts.getLeadingCommentRanges(source.text, found.pos) ?? []
  const comment = comments.at(-1)
  const isDocumented = comment !== undefined && source.text.startsWith('/**', comment.pos)
  const start = isDocumented ? comment.pos : found.getStart(source)
  const text = source.text
    .slice(start, found.end)
    .replaceAll(/^( *)export (declare )?/gm, '$1')
    .replaceAll(/^ *#private;\n|^ *private constructor\(\);\n/gm, '')
    .replaceAll(/^ +/gm, spaces => spaces.slice(spaces.length / 2))
  return { text, isDocumented }
}

function declares(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.some(one => ts.isIdentifier(one.name) && one.name.text === name)
  const named = statement as ts.Statement & { readonly name?: ts.Identifier }
  return named.name?.text === name
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true)
}

if (process.argv[1] === import.meta.filename) writeFileSync(API_FILE, await apiReference())
