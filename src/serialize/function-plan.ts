/**
 * How a function travels: what its text refers to, which of that is captured, and its definition. Worked out once a
 * function, and most of it once a text: programs make the same arrow over and over in loops.
 */

import type { AnyNode } from 'acorn'
import type { AnyFunction } from './callee.ts'
import { type Definition, newDefinition } from './definition.ts'
import { type FreeNames, freeNames } from './free-names.ts'
import { childrenOf, type FunctionSource, parseFunction, textOf } from './function-text.ts'
import { type Inspected, type Scopes, type Script, theInspector } from './inspector.ts'
import { STANDARD_NAMES } from './intrinsics.ts'
import { LruMap } from './lru-map.ts'
import { specifierIn } from './module-text.ts'
import { baseOf, heritageOf, rewriteSource, STRICT_HEAD, SUPER_NAME } from './rewrite.ts'
import { scriptNames } from './script-names.ts'
import { placeOf } from './source-place.ts'
import { userModule } from './user-modules.ts'

/** What the text alone tells. */
export interface Analysis {
  readonly source: FunctionSource
  readonly free: FreeNames
  readonly isClass: boolean
  /** Why it cannot travel, and what to do. */
  readonly refusal?: readonly [what: string, remedy: string]
  /** Set when nothing is captured: then every function of this text is the same. */
  plan?: Plan
  /** Otherwise by the place where the text stands, which says what its names mean. */
  readonly plans: Map<string, Plan>
}

export interface Plan {
  readonly definition: Definition
  /** It belongs to node's own scripts. */
  readonly internal: boolean
  readonly script: Script | undefined
  /** Names used through members only: of modules, no more than those members travel. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>
  /** Captured variables that are assigned to, by this function or another. */
  readonly cells: ReadonlySet<string>
  /** What it captures never changes: the inspector is asked once. */
  readonly steady: boolean
  /** The variable that a class extends, where it is one. */
  readonly superName: string
  /** The user's own modules that it imports when it runs. */
  readonly later: readonly LaterImport[]
}

export interface LaterImport {
  readonly base: string
  readonly specifier: string
  /** Address of its file. */
  readonly url: string
}

const TEXTS_MAX = 2000
const analyses = new LruMap<string, Analysis>(TEXTS_MAX)
const plans = new WeakMap<AnyFunction, Plan>()
const NOTHING: Omit<Plan, 'definition'> = {
  internal: false,
  script: undefined,
  members: new Map(),
  cells: new Set(),
  steady: false,
  superName: '',
  later: [],
}

/** The plan of a function whose text captures nothing, if that text was met before. */
export function knownPlan(fn: AnyFunction): Plan | undefined {
  return analyses.get(textOf(fn))?.plan
}

/** @throws SyntaxError when the function's text cannot be parsed. */
export function analysisOf(fn: AnyFunction): Analysis {
  const text = textOf(fn)
  let analysis = analyses.get(text)
  if (analysis === undefined) {
    analysis = analyse(text)
    analyses.set(text, analysis)
  }
  return analysis
}

function analyse(text: string): Analysis {
  const source = parseFunction(text)
  const isClass = source.node.type === 'ClassExpression'
  const free = freeNames(source.node, source.form === 'method')
  const refusal = refusalOf(free)
  return { source, free, isClass, plans: new Map(), ...(refusal && { refusal }) }
}

function refusalOf({ outer }: FreeNames): readonly [string, string] | undefined {
  if (outer.has('super'))
    return [
      'it is a method that uses `super`, and its object stays here',
      'Send the object or class it belongs to',
    ]
  const used = [...outer][0]
  return used === undefined
    ? undefined
    : [
        `it is an arrow function that uses the \`${used}\` of the function around it`,
        'Put what it needs into a variable, or pass it as an argument',
      ]
}

/** The plan, and what the inspector said of the function if it was asked just now. */
export function planOf(fn: AnyFunction): { readonly plan: Plan; readonly inspected?: Inspected } {
  const known = plans.get(fn)
  if (known !== undefined) return { plan: known }
  const analysis = analysisOf(fn)
  if (analysis.plan !== undefined) return { plan: analysis.plan }
  const inspected = theInspector().inspect(fn)
  const plan = planAt(fn, analysis, inspected)
  plans.set(fn, plan)
  return { plan, inspected }
}

/** A text may stand in several places, in minified bundles for example; but in these many only by some accident. */
const PLACES_MAX = 100

function planAt(fn: AnyFunction, analysis: Analysis, inspected: Inspected): Plan {
  const place = `${inspected.scriptId}:${inspected.line}:${inspected.column}:${nameOf(fn)}`
  let plan = analysis.plans.get(place)
  if (plan === undefined) {
    plan = newPlan(fn, analysis, inspected)
    if (analysis.plans.size >= PLACES_MAX) analysis.plans.clear()
    analysis.plans.set(place, plan)
  }
  return plan
}

function newPlan(fn: AnyFunction, analysis: Analysis, inspected: Inspected): Plan {
  const script = theInspector().script(inspected.scriptId)
  const { free, isClass, source } = analysis
  const captured = free.names.filter(({ name }) => scopeOf(inspected.scopes, name) !== undefined)
  // Classes need some of their captures before they exist: those come first.
  const eager = captured.filter(each => isClass && each.eager)
  const inScript = scriptNames(script)
  const cells = captured.filter(each => each.assigned || inScript?.assigned.has(each.name) === true)
  const heritage = heritageOf(source)
  const names = [...eager, ...captured.filter(each => !eager.includes(each))].map(each => each.name)
  if (heritage !== undefined) names.unshift(SUPER_NAME)
  const place = placeOf(source.text, script, inspected)
  const definition = newDefinition({
    ...rewriteSource(source, free, nameOf(fn), script?.url, place.layout, cells),
    form: source.form,
    ...(source.accessor && { accessor: source.accessor }),
    isClass,
    strict: isStrict(fn, script),
    name: nameOf(fn),
    file: place.file,
    line: place.line,
    column: place.column,
    names,
    eager: eager.length + (heritage === undefined ? 0 : 1),
  })
  const internal = script?.url.startsWith('node:') === true
  if (
    names.length === 0 &&
    analysis.refusal === undefined &&
    !internal &&
    // What these mean depends on where the text stands.
    free.imports.length === 0 &&
    free.metas.length === 0 &&
    free.names.every(each => STANDARD_NAMES.has(each.name))
  )
    analysis.plan = planFor(definition)
  const members = new Map(
    captured.flatMap(each => (each.members === undefined ? [] : [[each.name, each.members]])),
  )
  return {
    definition,
    internal,
    script,
    members,
    cells: new Set(cells.map(each => each.name)),
    steady: inScript !== undefined && cells.length === 0 && !names.some(name => inScript.imported.has(name)),
    superName: heritage?.type === 'Identifier' ? heritage.name : '',
    later: script === undefined ? [] : [...laterImports(source.node, baseOf(script.url))],
  }
}

function* laterImports(node: AnyNode, base: string): Generator<LaterImport> {
  const specifier = specifierIn(node)
  const url = specifier === undefined || !base.startsWith('file:') ? undefined : userModule(specifier, base)
  if (url !== undefined) yield { base, specifier: specifier!, url }
  for (const child of childrenOf(node)) yield* laterImports(child, base)
}

/** The plan of functions that were made from a definition. */
export function planFor(definition: Definition): Plan {
  return { definition, ...NOTHING }
}

/** Makes a revived function travel on by the very definition that it came with. */
export function adoptPlan(fn: AnyFunction, plan: Plan): void {
  plans.set(fn, plan)
}

/** The innermost scope that has a variable of that name. */
export function scopeOf(scopes: Scopes, name: string): Readonly<Record<string, unknown>> | undefined {
  return scopes.find(scope => Object.hasOwn(scope.values, name))?.values
}

const DIRECTIVE = /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|#![^\n]*\n)*(['"])use strict\1/

/** Sloppy functions have a `caller` of their own; of arrows and methods only the script tells. */
function isStrict(fn: AnyFunction, script: Script | undefined): boolean {
  if (Object.hasOwn(fn, 'caller')) return false
  if (script === undefined || script.isModule) return true
  return script.source.startsWith(STRICT_HEAD) || DIRECTIVE.test(script.source)
}

/** A class may have a static member called `name`. */
function nameOf(fn: AnyFunction): string {
  return typeof fn.name === 'string' ? fn.name : ''
}
