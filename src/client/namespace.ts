/** The engines' variables as properties. Reading one gives an AsyncResult: `await view.namespace.a`. */
export type Namespace = Record<string, unknown>

interface PushPull {
  push(values: Readonly<Record<string, unknown>>): unknown
  pull(name: string): unknown
}

/**
 * `view.namespace.a = 10` pushes and `await view.namespace.a` pulls. An assignment cannot be awaited, but what is asked
 * of the same view afterwards runs after it.
 */
export function namespaceOf(view: PushPull): Namespace {
  return new Proxy<Namespace>(Object.create(null), {
    get(_target, name) {
      // `then` would make `await view.namespace` pull a variable of that name.
      return typeof name === 'symbol' || name === 'then' ? undefined : view.pull(name)
    },
    set(_target, name, value) {
      if (typeof name === 'symbol') return false
      view.push({ [name]: value })
      return true
    },
    // Nobody here can know what the engines hold.
    has: (_target, name) => typeof name === 'string' && name !== 'then',
    deleteProperty: () => false,
  })
}
