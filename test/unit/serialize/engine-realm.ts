import { type AnyFunction, nodeRealm, type Realm } from '../../../src/serialize/payload.ts'

/** A realm as an engine has it, in this process: it obeys what it reads, and has names and operations. */
export function engineRealm(
  names: Readonly<Record<string, unknown>> = {},
  operations: Readonly<Record<string, AnyFunction>> = {},
): Realm {
  return {
    evaluate: nodeRealm.evaluate,
    import: nodeRealm.import,
    lookup(name) {
      if (!Object.hasOwn(names, name)) throw new ReferenceError(`${name} is not defined`)
      return names[name]
    },
    operations: new Map(Object.entries(operations)),
  }
}
