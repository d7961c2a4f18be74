import { types } from 'node:util'
import type { AnyFunction } from './callee.ts'
import { Cell } from './cell.ts'
import { encodeError } from './encode-error.ts'
import { hasPrivateMembers, isInternal } from './encode-function.ts'
import { builtinKind, encodeProperties } from './encode-object.ts'
import type { Encoder } from './encoder.ts'
import { isNativeText } from './function-text.ts'
import { Tag } from './tags.ts'

/** Writes an instance of a class, or an object with a prototype of its own: the class first, then its data. */
export function encodeInstance(encoder: Encoder, object: object, prototype: object): void {
  if (isForeignPlain(prototype)) {
    encoder.out.byte(Tag.object)
    encodeProperties(encoder, object)
    return
  }
  if (object instanceof Cell) {
    encoder.out.byte(Tag.cell)
    encoder.value(object.$)
    return
  }
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  const isClass = typeof maker === 'function' && Reflect.get(maker, 'prototype') === prototype
  if (types.isNativeError(object)) {
    // An error must be told even where its class cannot travel: then as one of the classes of the language.
    const told = encoder.attempt(() =>
      encodeWithPrototype(encoder, object, isClass ? maker : prototype, isClass),
    )
    if (!told) encodeError(encoder, object)
    return
  }
  if (isClass) checkInstance(encoder, maker as AnyFunction)
  encodeWithPrototype(encoder, object, isClass ? maker : prototype, isClass)
}

function encodeWithPrototype(encoder: Encoder, object: object, origin: unknown, isClass: boolean): void {
  const { out } = encoder
  out.byte(Tag.instance)
  const base = builtinKind(object)
  if (base !== undefined) base(encoder, object)
  else out.byte(Tag.object)
  // The class follows its instance's kind, so that a class which refers to this instance finds it begun.
  out.byte(isClass ? 1 : 0)
  encoder.path.enter(isClass ? `class ${(origin as AnyFunction).name}` : 'prototype')
  encoder.value(origin)
  encoder.path.leave()
  if (base === undefined || hasNamedProperties(object)) encodeProperties(encoder, object)
  else out.byte(0)
}

/** Whether properties of its own are not already part of what the object holds. */
function hasNamedProperties(object: object): boolean {
  return types.isMap(object) || types.isSet(object) || types.isDate(object) || types.isRegExp(object)
}

/** `{}` of another context of node:vm, whose Object is not ours. */
function isForeignPlain(prototype: object): boolean {
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    Object.hasOwn(prototype, 'propertyIsEnumerable') &&
    Object.keys(prototype).length === 0
  )
}

function checkInstance(encoder: Encoder, maker: AnyFunction): void {
  const name = maker.name === '' ? 'object of an unnamed class' : maker.name
  if (isNativeText(maker) || isInternal(maker))
    throw encoder.path.refuse(
      `a live ${name} belongs to node or to native code`,
      'Create it inside the function, on the engine',
    )
  for (let each: unknown = maker; typeof each === 'function'; each = Object.getPrototypeOf(each)) {
    if (isNativeText(each as AnyFunction) || isInternal(each as AnyFunction)) return
    if (hasPrivateMembers(each as AnyFunction))
      throw encoder.path.refuse(
        `a live ${name} has #private members, which nothing outside its class can read`,
        'Create it inside the function, on the engine, or send the data that it is made of',
      )
  }
}
