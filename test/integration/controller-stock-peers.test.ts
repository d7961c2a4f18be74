import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Controller, startController } from '../../src/controller/controller.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

/** What a Python user does with a small cluster. Prints one JSON object with what came of it. */
const PROGRAM = `
import json, sys, time
import ipyparallel as ipp

rc = ipp.Client(sys.argv[1], timeout=15)
rc.wait_for_engines(2, timeout=20)
seen = {'ids': rc.ids}
view = rc[:]
view.push({'a': 5}, block=True)
seen['pull'] = view.pull('a', block=True)
seen['apply'] = view.apply_sync(lambda x: x + 1, 4)
seen['map'] = view.map_sync(lambda x: x * x, range(10))
view.scatter('s', list(range(10)), block=True)
seen['gather'] = view.gather('s', block=True)
seen['big'] = len(rc[0].apply_sync(lambda b: b, b'x' * 3000000))
printed = view.execute('print("hi")', silent=False)
printed.get(10)
seen['stdout'] = printed.stdout
lview = rc.load_balanced_view()
seen['balanced'] = lview.map_sync(lambda x: x * x, range(50))
try:
    lview.apply_sync(lambda: 1 / 0)
except ipp.RemoteError as error:
    seen['error'] = error.ename
first = lview.apply(lambda: 1)
with lview.temp_flags(after=[first]):
    seen['after'] = lview.apply_sync(lambda: 2)
with lview.temp_flags(retries=1):
    try:
        lview.apply_sync(lambda: 1 / 0)
    except ipp.RemoteError as error:
        seen['retried'] = error.ename
try:
    with lview.temp_flags(after=['nosuch_1']):
        lview.apply_sync(lambda: 3)
except ipp.RemoteError as error:
    seen['invalid'] = error.ename
broadcast = rc.broadcast_view()
seen['broadcast'] = broadcast.apply_sync(lambda: 7)
broadcast.is_coalescing = True
seen['coalesced'] = broadcast.apply_sync(lambda n: b'y' * n, 2000) == [b'y' * 2000] * 2
seen['queue'] = {str(k): v for k, v in rc.queue_status().items()}
history = rc.hub_history()
seen['history'] = len(history)
seen['record'] = sorted(rc.db_query({'msg_id': history[0]})[0])
seen['resubmitted'] = rc.resubmit([first.msg_ids[0]]).get(10)
seen['fetched'] = ipp.Client(sys.argv[1]).get_result(first.msg_ids[0], block=False).get(10)
slow = rc[0].apply(time.sleep, 30)
time.sleep(0.3)
rc.send_signal('SIGINT', targets=0, block=True)
try:
    slow.get(10)
except ipp.RemoteError as error:
    seen['interrupted'] = error.ename
# Not purge_everything: the stock client keeps broadcasts as outstanding for ever and refuses it.
rc.purge_hub_results('all')
seen['purged'] = len(rc.hub_history())
rc.shutdown(hub=True)
print(json.dumps(seen))
`

describeNeeds('a stock Python cluster around our controller', ['ipyparallel'], () => {
  let folder: string
  let controller: Controller
  const processes: ChildProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'controller-stock-'))
    controller = await startController({ pingMs: 1000 })
    await writeFile(join(folder, 'client.json'), JSON.stringify(controller.clientConnection), { mode: 0o600 })
    await writeFile(join(folder, 'engine.json'), JSON.stringify(controller.engineConnection), { mode: 0o600 })
    for (let i = 0; i < 2; i++)
      python(['-m', 'ipyparallel.engine', `--file=${join(folder, 'engine.json')}`], 'ignore')
  })

  afterAll(async () => {
    for (const child of processes) if (child.exitCode === null) child.kill('SIGKILL')
    await controller.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function python(args: string[], output: 'ignore' | 'pipe'): ChildProcess {
    const env = { ...process.env, IPYTHONDIR: join(folder, 'ipython') }
    const child = spawn(DEBIAN_PYTHON, args, { stdio: ['ignore', output, output], env, cwd: folder })
    processes.push(child)
    return child
  }

  it('does all that a Python program asks of it (27-40, 45, 47-61)', { timeout: 60_000 }, async () => {
    await writeFile(join(folder, 'program.py'), PROGRAM)
    const child = python(['program.py', join(folder, 'client.json')], 'pipe')
    let output = ''
    let errors = ''
    child.stdout!.on('data', text => {
      output += text
    })
    child.stderr!.on('data', text => {
      errors += text
    })
    const limit = setTimeout(() => child.kill('SIGKILL'), 45_000)
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(limit)
    expect(code, errors).toBe(0)
    const squares = (n: number): number[] => Array.from({ length: n }, (_, i) => i * i)
    const seen = JSON.parse(output) as Record<string, unknown>
    expect(seen).toMatchObject({
      ids: [0, 1],
      pull: [5, 5],
      apply: [5, 5],
      map: squares(10),
      gather: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      big: 3_000_000,
      stdout: ['hi\n', 'hi\n'],
      balanced: squares(50),
      error: 'ZeroDivisionError',
      after: 2,
      retried: 'ZeroDivisionError',
      invalid: 'InvalidDependency',
      broadcast: [7, 7],
      coalesced: true,
      queue: { 0: { queue: 0, tasks: 0 }, 1: { queue: 0, tasks: 0 }, unassigned: 0 },
      resubmitted: [1],
      interrupted: 'KeyboardInterrupt',
      purged: 0,
    })
    expect([1, [1]]).toContainEqual(seen.fetched)
    expect(seen.record).toContain('client_uuid')
    // The program asked the controller to end.
    await controller.stopped
  })
})
