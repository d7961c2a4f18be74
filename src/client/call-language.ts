/**
 * Calls and the languages of engines. A function runs in the language that it is written in; a name, and the operations
 * that every engine has (push, pull), are packed as each engine reads them.
 */

import { SerializationError, UsageError } from '../errors.ts'
import { type Callee, packCall, Reference } from '../serialize/payload.ts'
import { packPythonCall } from '../serialize/pickle/python-call.ts'
import { pythonCallee } from '../serialize/pickle/python-function.ts'
import type { Message } from '../transport/socket.ts'
import { describeEngines } from './describe-engines.ts'
import type { Roster } from './state/roster.ts'
import { resolveTargets, type Target, type Targets } from './targets.ts'

const JAVASCRIPT = 'javascript'
const PYTHON = 'python'

/** @throws SerializationError naming the path to what cannot travel to an engine of that language. */
export function packFor(language: string, callee: Callee, args: readonly unknown[]): Message {
  return language === JAVASCRIPT ? packCall(callee, args) : packPythonCall(callee, args)
}

/**
 * Packs a call once for each language that its targets run.
 *
 * @returns the buffers for a target.
 * @throws SerializationError when the function cannot run on some of them, or something cannot travel.
 */
export function packForEach(
  targets: readonly Target[],
  callee: Callee,
  args: readonly unknown[],
): (target: Target) => Message {
  checkLanguage(targets, callee)
  const packed = new Map<string, Message>()
  for (const { language } of targets)
    if (!packed.has(language)) packed.set(language, packFor(language, callee, args))
  return target => packed.get(target.language)!
}

/** The targets in their order, cut where the language changes. */
export function languageRuns(targets: readonly Target[]): (readonly Target[])[] {
  const first = targets[0]?.language
  if (targets.every(({ language }) => language === first)) return [targets]
  const runs: Target[][] = []
  for (const target of targets) {
    const run = runs.at(-1)
    if (run?.at(0)?.language === target.language) run.push(target)
    else runs.push([target])
  }
  return runs
}

/** @throws SerializationError when `callee` is a function that some of the targets cannot run. */
export function checkLanguage(targets: readonly Target[], callee: unknown): void {
  const language = languageOf(callee)
  if (language === undefined) return
  const others = targets.filter(target => target.language !== language)
  if (others.length > 0) throw refusal(callee, language, others)
}

/**
 * The language of a task: the scheduler gives it to no engine that runs another.
 *
 * @throws SerializationError when none of the view's engines runs it, UsageError for a name that several languages could
 * mean.
 */
export function taskLanguage(roster: Roster, targets: Targets, callee: unknown): string {
  const own = languageOf(callee)
  const languages = languagesOf(roster, targets)
  const language = own ?? soleLanguage(languages)
  if (languages.length === 0 || languages.includes(language)) return language
  throw refusal(callee, language, resolveTargets(roster, targets))
}

/** Nobody is there yet: none. */
function languagesOf(roster: Roster, targets: Targets): readonly string[] {
  if (targets === 'all') return roster.languages
  return [...new Set(resolveTargets(roster, targets).map(({ language }) => language))]
}

function soleLanguage(languages: readonly string[]): string {
  if (languages.length <= 1) return languages[0] ?? JAVASCRIPT
  throw new UsageError(
    `a Reference means something of its own in each language, and these engines run ${languages.join(' and ')}: choose with rc.loadBalancedView({ language: '${languages[0]}' })`,
  )
}

/** The language that a function is written in; undefined for what every engine has its own of. */
function languageOf(callee: unknown): string | undefined {
  if (typeof callee !== 'function') return undefined
  return pythonCallee(callee) === undefined ? JAVASCRIPT : PYTHON
}

function refusal(callee: unknown, language: string, engines: readonly Target[]): SerializationError {
  const python = pythonCallee(callee)
  const given = callee instanceof Reference ? callee.name : (callee as { readonly name?: string }).name
  const title = python?.title ?? (given === undefined || given === '' ? 'the function' : given)
  const who = `${describeEngines(engines.map(({ id }) => id))} run${engines.length === 1 ? 's' : ''}`
  const other = engines[0]!.language
  const remedy =
    language === JAVASCRIPT
      ? "Name a Python function instead, such as python('math:sqrt'), or give one as source, python.source('def f(x): ...')"
      : 'Apply a JavaScript function instead'
  return new SerializationError(
    `${title} is a ${language === JAVASCRIPT ? 'JavaScript' : 'Python'} function, and ${who} ${other}. ${remedy}, or choose engines with { language: '${language}' }`,
    { path: [title] },
  )
}
