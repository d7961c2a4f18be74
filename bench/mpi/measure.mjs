// The same two measurements as measure.c, in JavaScript: ping-pong of 8 bytes, and Allreduce of 8 MiB of doubles.
import { MPI } from 'itsparallel/mpi'

const BATCHES = 60
const world = MPI.COMM_WORLD
const { rank } = world

function measure(batch) {
  const times = Array.from({ length: BATCHES }, () => {
    world.barrier()
    const start = performance.now()
    batch()
    return performance.now() - start
  }).sort((a, b) => a - b)
  return { least: times[0], median: times[BATCHES / 2] }
}

function pingPongUs(rounds) {
  const value = new Float64Array(1)
  const { least, median } = measure(() => {
    for (let i = 0; i < rounds; i++) {
      if (rank === 0) world.Send(value, 1)
      world.Recv(value, 1 - rank)
      if (rank === 1) world.Send(value, 0)
    }
  })
  const perMessage = 1000 / rounds / 2
  return { least: least * perMessage, median: median * perMessage }
}

function allreduceMs(count) {
  const send = new Float64Array(count).fill(1)
  const receive = new Float64Array(count)
  return measure(() => world.Allreduce(send, receive))
}

const figures = { pingPongUs: pingPongUs(500), allreduceMs: allreduceMs(1 << 20) }
if (rank === 0) console.log(JSON.stringify(figures))
