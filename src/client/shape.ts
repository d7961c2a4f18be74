import type { Targets } from './targets.ts'

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

/** The shape of a view whose targets are set to `Asked`; undefined leaves them as they are. */
export type ShapeWith<Asked extends Targets | undefined, Before extends ViewShape> = Asked extends undefined
  ? Before
  : Asked extends number
    ? 'one'
    : 'many'
