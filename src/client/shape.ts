/** Whether a view's calls give one value, or an array with one for each engine. */
export type ViewShape = 'one' | 'many'

/** What one engine contributes to a result. */
export type EachOf<T, Shape extends ViewShape> = Shape extends 'one'
  ? T
  : T extends readonly (infer Each)[]
    ? Each
    : unknown

/** `T` for a single target, `T[]` for many. */
export type Shaped<Shape extends ViewShape, T> = Shape extends 'one' ? T : T[]
