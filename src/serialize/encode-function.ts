import { types } from 'node:util'
import type { AnyFunction } from './callee.ts'
import type { Definition } from './definition.ts'
import { encodeAsImport, encodeImport } from './encode-import.ts'
import type { Encoder } from './encoder.ts'
import { analysisOf, knownPlan, type Plan, planOf, scopeOf } from './function-plan.ts'
import { isNativeText } from './function-text.ts'
import { type Inspected, theInspector } from './inspector.ts'
import { requiredImport } from './module-index.ts'
import { rememberOriginal } from './originals.ts'
import { SUPER_NAME } from './rewrite.ts'
import { declaredImport } from './script-imports.ts'
import { DefinitionForm, OUT_OF_BAND_BYTES_MIN, Tag } from './tags.ts'
import { bundleOf } from './user-modules.ts'

const INSIDE = 'Use it inside the function, on the engine'

/** Writes a function or class: its definition, then what it captures. It is numbered already. */
export function encodeFunction(encoder: Encoder, fn: AnyFunction): void {
  const known = checkedPlans.get(fn)
  if (known !== undefined) {
    encodePlain(encoder, fn, known)
    return
  }
  if (types.isProxy(fn))
    throw encoder.path.refuse('a proxy of a function has no source', 'Send the function itself')
  const simple = knownPlan(fn)
  if (simple !== undefined) {
    encodePlain(encoder, fn, simple)
    return
  }
  if (encodeAsImport(encoder, fn)) return
  if (isNativeText(fn)) {
    encodeBound(encoder, fn)
    return
  }
  if (isRequire(fn)) {
    encodeRequire(encoder, fn)
    return
  }
  const { plan, inspected } = checkedPlan(encoder, fn)
  encodePlain(encoder, fn, plan, inspected)
}

/** Plans of functions that were found to be neither imports nor refused. */
const checkedPlans = new WeakMap<AnyFunction, Plan>()

function checkedPlan(
  encoder: Encoder,
  fn: AnyFunction,
): { readonly plan: Plan; readonly inspected?: Inspected } {
  let found: ReturnType<typeof planOf>
  try {
    const { refusal } = analysisOf(fn)
    if (refusal !== undefined) throw encoder.path.refuse(...refusal)
    found = planOf(fn)
  } catch (error) {
    if (error instanceof SyntaxError)
      throw encoder.path.refuse(`its text cannot be read: ${error.message}`, INSIDE, error)
    throw error
  }
  if (found.plan.internal)
    throw encoder.path.refuse(`${fn.name === '' ? 'it' : fn.name} belongs to node's own code`, INSIDE)
  checkedPlans.set(fn, found.plan)
  return found
}

function encodePlain(encoder: Encoder, fn: AnyFunction, plan: Plan, inspected?: Inspected): void {
  const { definition } = plan
  if (definition.isClass) rememberOriginal(fn, definition)
  const extras = ownProperties(fn, definition.isClass)
  const { out } = encoder
  out.byte(definition.isClass ? Tag.class : Tag.function)
  out.byte(extras === undefined ? 0 : 1)
  encodeDefinition(encoder, definition)
  if (plan.later.length > 0) announceModules(encoder, plan)
  if (definition.names.length > 0) encodeCaptures(encoder, fn, plan, inspected)
  if (extras !== undefined) encodeExtras(encoder, extras)
}

/** Modules that the function imports when it runs go along, in case it does. */
function announceModules(encoder: Encoder, { later }: Plan): void {
  if (!encoder.isCall) return
  for (const { base, specifier, url } of later) {
    const bundle = bundleOf(url)
    if (bundle !== undefined) encoder.modules.importLater(bundle, base, specifier)
  }
}

function encodeDefinition(encoder: Encoder, definition: Definition): void {
  const { out } = encoder
  const id = encoder.definitionId(definition)
  if (id !== undefined) {
    out.byte(DefinitionForm.ref)
    out.count(id)
  } else if (definition.bytes.length < OUT_OF_BAND_BYTES_MIN) {
    out.byte(DefinitionForm.inline)
    out.count(definition.bytes.length)
    out.raw(definition.bytes)
  } else {
    out.byte(DefinitionForm.frame)
    encoder.frames.push(definition.bytes)
    encoder.noteFrames(encoder.frames.length - 1)
  }
}

function encodeCaptures(encoder: Encoder, fn: AnyFunction, plan: Plan, inspected?: Inspected): void {
  const steady = plan.steady ? steadyCaptures.get(fn) : undefined
  let seen = inspected
  if (inspected !== undefined && plan.steady) rememberSteady(fn, plan, inspected)
  for (const name of plan.definition.names) {
    if (name === SUPER_NAME) {
      encodeSuperclass(encoder, fn, plan)
      continue
    }
    encoder.path.enter(name)
    const start = encoder.out.position
    const firstFrame = encoder.frames.length
    if (steady !== undefined) encodeCapture(encoder, plan, name, steady[name])
    else {
      seen ??= inspect(fn, plan)
      if (plan.cells.has(name)) encoder.value(encoder.variables.cell(seen, name))
      else encodeCapture(encoder, plan, name, scopeOf(seen.scopes, name)?.[name])
    }
    encoder.noteFrames(firstFrame)
    encoder.noteRange(start, plan.definition, name)
    encoder.path.leave()
  }
}

/** Values of variables that never change, by the function that captures them. */
const steadyCaptures = new WeakMap<AnyFunction, Readonly<Record<string, unknown>>>()

function inspect(fn: AnyFunction, plan: Plan): Inspected {
  const inspected = theInspector().inspect(fn)
  if (plan.steady) rememberSteady(fn, plan, inspected)
  return inspected
}

/** A variable that is undefined may just not have been declared yet. */
function rememberSteady(fn: AnyFunction, { definition }: Plan, { scopes }: Inspected): void {
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of definition.names) {
    if (name === SUPER_NAME) continue
    values[name] = scopeOf(scopes, name)?.[name]
    if (values[name] === undefined) return
  }
  steadyCaptures.set(fn, values)
}

function encodeSuperclass(encoder: Encoder, fn: AnyFunction, plan: Plan): void {
  const superclass = Object.getPrototypeOf(fn) as AnyFunction
  encoder.path.enter(`class ${superclass.name}`)
  encodeCapture(encoder, plan, plan.superName, superclass)
  encoder.path.leave()
}

/** The value of a captured variable. What the module imported is imported again, rather than sent. */
function encodeCapture(encoder: Encoder, plan: Plan, name: string, value: unknown): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    encoder.value(value)
    return
  }
  const { script } = plan
  if (typeof value === 'function' && isRequire(value as AnyFunction)) {
    if (!encoder.known(value)) encodeRequire(encoder, value as AnyFunction, script?.url)
    return
  }
  const members = plan.members.get(name)
  const imported = script && (declaredImport(script, name) ?? requiredImport(value, script.url))
  if (imported !== undefined) {
    if (!encoder.known(value)) encodeImport(encoder, imported)
    return
  }
  if (members !== undefined && isNamespace(value, name)) {
    encodeMembers(encoder, value, members)
    return
  }
  encoder.value(value)
}

/** A module's exports as an object: real, or as compilers and test runners imitate it. */
function isNamespace(value: object, name: string): boolean {
  if (types.isModuleNamespaceObject(value)) return true
  if (types.isProxy(value)) return Reflect.get(value, Symbol.toStringTag) === 'Module'
  return (
    Object.getOwnPropertyDescriptor(value, Symbol.toStringTag)?.value === 'Module' ||
    Object.hasOwn(value, '__esModule') ||
    name === 'exports'
  )
}

/** Of a module that stays here, what the function uses of it. */
function encodeMembers(encoder: Encoder, module: object, members: ReadonlySet<string>): void {
  const part: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const member of members) {
    if (member in module) part[member] = Reflect.get(module, member)
  }
  encoder.value(part)
}

interface Extras {
  readonly own: object
  readonly prototype: object | undefined
}

/** Properties that were put on a function: static members of a class, a cache, methods on an old-style prototype. */
function ownProperties(fn: AnyFunction, isClass: boolean): Extras | undefined {
  const prototype: unknown = isClass ? undefined : Reflect.get(fn, 'prototype')
  const extended =
    typeof prototype === 'object' &&
    prototype !== null &&
    !types.isGeneratorObject(prototype) &&
    (Object.keys(prototype).length > 0 || Object.getPrototypeOf(prototype) !== Object.prototype) &&
    Object.hasOwn(prototype, 'constructor')
  if (!extended && Object.keys(fn).length === 0) return undefined
  return { own: fn, prototype: extended ? prototype : undefined }
}

function encodeExtras(encoder: Encoder, { own, prototype }: Extras): void {
  const keys = Object.keys(own)
  encoder.out.count(keys.length)
  for (const key of keys) {
    encoder.path.enter(key)
    encoder.text(key)
    encoder.value(Reflect.get(own, key))
    encoder.path.leave()
  }
  encoder.out.byte(prototype === undefined ? 0 : 1)
  if (prototype === undefined) return
  encoder.path.enter('prototype')
  encoder.value(prototype)
  encoder.path.leave()
}

function encodeBound(encoder: Encoder, fn: AnyFunction): void {
  const bound = theInspector().bound(fn)
  if (bound === undefined)
    throw encoder.path.refuse(`${fn.name === '' ? 'it' : fn.name} is native code`, INSIDE)
  encoder.out.byte(Tag.bound)
  for (const [step, value] of [
    ['target', bound.target],
    ['this', bound.self],
    ['arguments', bound.args],
  ] as const) {
    encoder.path.enter(step)
    encoder.value(value)
    encoder.path.leave()
  }
}

/** `require` of a CommonJS module, or one that `createRequire` made. */
function isRequire(fn: AnyFunction): boolean {
  return (
    fn.name === 'require' && ['resolve', 'cache', 'extensions', 'main'].every(key => Object.hasOwn(fn, key))
  )
}

function encodeRequire(encoder: Encoder, fn: AnyFunction, file?: string): void {
  if (file === undefined || file === '')
    throw encoder.path.refuse(`${fn.name} belongs to a module of this process`, 'Import inside the function')
  encoder.out.byte(Tag.require)
  encoder.text(file)
}

/** Whether a class or function belongs to node's own scripts. */
export function isInternal(fn: AnyFunction): boolean {
  try {
    return planOf(fn).plan.internal
  } catch {
    return false
  }
}

/** Whether instances of the class have #private members. */
export function hasPrivateMembers(fn: AnyFunction): boolean {
  try {
    return analysisOf(fn).free.hasPrivate
  } catch {
    return false
  }
}
