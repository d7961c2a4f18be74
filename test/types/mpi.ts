/** What the compiler makes of MPI programs. Nothing here runs: `npm run types` is its test. */
import { NDArray } from 'itsparallel'
import { type CartComm, type Comm, MPI, Op, type Request, Status } from 'itsparallel/mpi'
import { expectTypeOf } from 'vitest'

const world = MPI.COMM_WORLD
const numbers = new Float64Array(2)

/** Methods with a capital letter take typed arrays and NDArrays, and nothing else. */
export function buffers() {
  world.Send(numbers, 1)
  world.Bcast(new NDArray(numbers, [1, 2]))
  world.Allreduce(MPI.IN_PLACE, new BigInt64Array(2), MPI.MAX)
  world.Scatter(undefined, numbers)
  world.Gatherv(numbers, { buffer: new Float64Array(4), counts: [1, 3], displacements: [0, 1] })
  expectTypeOf(world.Recv(numbers, MPI.ANY_SOURCE, MPI.ANY_TAG, new Status())).toEqualTypeOf<void>()
  expectTypeOf(world.Isend(numbers, 1)).toEqualTypeOf<Request>()
  expectTypeOf(world.Irecv(numbers, 1)).toEqualTypeOf<Request>()
  expectTypeOf(world.Iallreduce(numbers, numbers)).toEqualTypeOf<Request>()

  // @ts-expect-error: no buffer
  world.Allreduce('x')
  // @ts-expect-error: no buffer to receive into
  world.Allreduce(numbers)
  // @ts-expect-error: a list of numbers is a value, for `allreduce`
  world.Allreduce([1, 2], numbers)
  // @ts-expect-error: nothing can be received in a text
  world.Recv('x', 0)
  // @ts-expect-error: what is sent must be somewhere
  world.Send(MPI.IN_PLACE, 1)
  // @ts-expect-error: a rank is a number
  world.Send(numbers, '1')
  // @ts-expect-error: a function is no operation: `Op.create` makes one of it
  world.Allreduce(numbers, numbers, (a: number, b: number) => a + b)
  // @ts-expect-error: parts need counts
  world.Allgatherv(numbers, { buffer: numbers })
}

/** Those with a small one take any value, and what they give follows from it. */
export function values() {
  world.send({ any: ['value'] }, 1)
  expectTypeOf(world.recv(0)).toEqualTypeOf<unknown>()
  expectTypeOf(world.recv<string>(0)).toEqualTypeOf<string>()
  expectTypeOf(world.irecv(0)).toEqualTypeOf<Request<unknown>>()
  expectTypeOf(world.irecv<string>(0).wait()).toEqualTypeOf<string>()
  expectTypeOf(world.allreduce(1)).toEqualTypeOf<number>()
  expectTypeOf(
    world.reduce(
      'x',
      Op.create((a: string, b: string) => a + b),
    ),
  ).toEqualTypeOf<string | undefined>()
  expectTypeOf(world.allgather({ a: 1 })).toEqualTypeOf<{ a: number }[]>()
  expectTypeOf(world.gather(1n)).toEqualTypeOf<bigint[] | undefined>()
  expectTypeOf(world.scatter(['a', 'b'])).toEqualTypeOf<string>()
  expectTypeOf(world.exscan(1)).toEqualTypeOf<number | undefined>()

  // @ts-expect-error: one value a rank
  world.scatter(1)
  // @ts-expect-error: an operation gives what it takes
  Op.create((a: number, b: number) => String(a + b))
}

export function communicators() {
  expectTypeOf(world.split(0)).toEqualTypeOf<Comm | undefined>()
  expectTypeOf(world.cart([2, 2])).toEqualTypeOf<CartComm | undefined>()
  expectTypeOf(world.cart([2])!.shift(0).destination).toEqualTypeOf<number>()
  // @ts-expect-error: a grid has dimensions
  world.cart(4)
  expectTypeOf(world.dup().cart([2])!.sub([true])).toEqualTypeOf<CartComm>()
}
