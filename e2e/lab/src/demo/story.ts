/** Tells steps as they happen, and keeps the score. */
export class Story {
  readonly #isTty: boolean
  readonly #startedAt = Date.now()
  readonly #rows: { readonly step: string; readonly isPassed: boolean; readonly said: string }[] = []

  constructor(isTty: boolean) {
    this.#isTty = isTty
  }

  chapter(title: string): void {
    console.log(`\n${this.#style('1', title)}`)
  }

  say(line: string): void {
    console.log(`  ${line}`)
  }

  /** Runs one step, shows what it says, and counts it; a step that throws has failed, and the story goes on. */
  async step(step: string, run: () => Promise<string>): Promise<boolean> {
    const from = Date.now()
    let isPassed = true
    let said: string
    try {
      said = await run()
    } catch (error) {
      isPassed = false
      said = error instanceof Error ? error.message : String(error)
    }
    this.#rows.push({ step, isPassed, said })
    const mark = isPassed ? this.#style('32', 'ok  ') : this.#style('31', 'FAIL')
    const [first = '', ...rest] = said.split('\n')
    console.log(`  ${mark} ${step}: ${first} ${this.#style('2', `(${((Date.now() - from) / 1_000).toFixed(1)} s)`)}`)
    for (const line of rest) console.log(`         ${line}`)
    return isPassed
  }

  /** The table and the count; true when everything passed. */
  end(): boolean {
    const width = Math.max(...this.#rows.map(({ step }) => step.length))
    console.log(
      `\n${this.#style('1', 'What was shown')} ${this.#style('2', `in ${Math.round((Date.now() - this.#startedAt) / 1_000)} s`)}`,
    )
    for (const { step, isPassed, said } of this.#rows) {
      console.log(`  ${isPassed ? 'ok  ' : 'FAIL'} ${step.padEnd(width)}  ${said.split('\n')[0] ?? ''}`)
    }
    const passed = this.#rows.filter(({ isPassed }) => isPassed).length
    console.log(`\n${passed} passed, ${this.#rows.length - passed} failed`)
    return passed === this.#rows.length && passed > 0
  }

  #style(code: string, text: string): string {
    return this.#isTty ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}
