/** Whether a view's calls give one value, or an array with one for each engine. */
export type ViewShape = 'one' | 'many'

/** `T` for a single target, `T[]` for many. */
export type Shaped<Shape extends ViewShape, T> = Shape extends 'one' ? T : T[]
