/** Mistakes that the simulator must find: each a change of text in one machine. */
export interface PlantedBug {
  readonly name: string
  /** Below `src/`. */
  readonly file: string
  readonly text: string
  readonly instead: string
  /** Where the search begins, for what seldom shows. Default 1. */
  readonly firstSeed?: number
}

const QUEUE = 'controller/state/task-queue.ts'
const BROADCAST = 'controller/state/broadcast.ts'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'an engine dies, and its tasks are forgotten',
    file: QUEUE,
    text: 'for (const task of again) this.#runAfterDeath(task, death, orderly, nowMs, effects)',
    instead: '',
  },
  {
    name: 'a fourth engine may die with a task',
    file: QUEUE,
    text: 'const DEATHS_MAX = 3',
    instead: 'const DEATHS_MAX = 4',
  },
  {
    name: 'a failure counts twice against the retries',
    file: QUEUE,
    text: 'task.retriesLeft -= 1\n      task.fail(uuid)',
    instead: 'task.retriesLeft -= 2\n      task.fail(uuid)',
  },
  {
    name: 'a task that failed is run again without end',
    file: QUEUE,
    text: 'task.retriesLeft -= 1\n      task.fail(uuid)',
    instead: 'task.fail(uuid)',
  },
  {
    name: 'timeouts never fire',
    file: 'controller/state/task-timeouts.ts',
    text: 'if (task.deadlineMs !== Number.POSITIVE_INFINITY) this.#tasks.push(task)',
    instead: '',
  },
  {
    name: 'a refusal is taken for an answer',
    file: QUEUE,
    text: 'if (metadata.dependencies_met === false) {',
    instead: 'if (metadata.dependencies_met === null) {',
  },
  {
    name: 'the engines that refused a task are forgotten',
    file: 'controller/state/task.ts',
    text: 'this.refusedBy.add(engine)',
    instead: '',
  },
  {
    name: 'a suspect shares its engine',
    file: 'controller/state/assignment.ts',
    text: 'if (task.suspect) engine.isolated = true',
    instead: '',
  },
  {
    name: 'targets are ignored',
    file: 'controller/state/waiting-room.ts',
    text: 'if (where.include !== undefined) return where.include.has(uuid)',
    instead: 'if (where.include !== undefined) return true',
  },
  {
    name: 'a freed engine is not filled again',
    file: QUEUE,
    text: 'else this.#drop(uuid, msgId, effects)\n    this.#assignment.fill(engine, effects)',
    instead: 'else this.#drop(uuid, msgId, effects)',
  },
  {
    name: 'what was under way when a connection broke is not sent again',
    file: QUEUE,
    text: 'for (const task of again) task.left(uuid)\n    for (const task of again) this.#assignment.run(task, nowMs, effects)',
    instead: '',
  },
  {
    name: 'an engine that comes back is given bytes that it knows',
    file: 'controller/state/task.ts',
    text: 'return this.leftEngines?.has(engine) === true || this.failedOn?.has(engine) === true',
    instead: 'return false',
  },
  {
    name: 'engines with a lost connection are given tasks',
    file: 'controller/state/engine-pool.ts',
    text: 'if (!engine.connected) return 0',
    instead: '',
  },
  {
    name: 'a heart stops one miss too early',
    file: 'controller/state/heart-monitor.ts',
    text: 'if (misses <= this.#missesMax) continue',
    instead: 'if (misses < this.#missesMax) continue',
  },
  {
    name: 'a number is given to two engines',
    file: 'controller/state/hub.ts',
    text: 'this.#nextId = Math.max(this.#nextId, id + 1)',
    instead: '',
  },
  {
    name: 'nobody is told that an engine left',
    file: 'controller/state/hub.ts',
    text: "messageType: 'unregistration_notification',",
    instead: "messageType: 'registration_notification',",
  },
  {
    name: 'a lost connection is held against an engine though it is back',
    file: 'controller/state/lost-links.ts',
    text: 'channels.delete(channel)',
    instead: '',
  },
  {
    name: 'a direct request is lost with a connection, and nobody is told',
    file: 'controller/state/direct.ts',
    text: 'if (!isDoubtful) continue',
    instead: 'if (request !== undefined) continue',
  },
  {
    name: 'an engine runs again what comes again',
    file: 'engine/state/request-memory.ts',
    text: "if (this.#open.has(msgId)) return 'open'",
    instead: '',
  },
  {
    name: 'a dependency on any is taken for one on all',
    file: 'controller/state/dependency.ts',
    text: 'all: all === true,',
    instead: 'all: true,',
  },
  {
    name: 'an engine taken for dead does not come back',
    file: 'engine/state/engine-life.ts',
    text: "    this.#askAgainMs = nowMs + this.#options.answerMs\n    return [{ type: 'register' }]\n  }\n\n  #silenceMaxMs",
    instead: '    return []\n  }\n\n  #silenceMaxMs',
  },
  {
    name: 'a client ignores an engine that came back',
    file: 'client/state/roster.ts',
    text: '        this.#left.delete(event.uuid)\n',
    instead: '',
  },
  {
    name: 'what a client had under way when its connection broke is not sent again',
    file: 'client/link-repair.ts',
    text: 'for (const record of this.#requestsOn(channel)) this.#host.sendAgain(record)',
    instead: '',
  },
  {
    name: 'a client does not ask for replies that were lost',
    file: 'client/link-repair.ts',
    text: 'if (msgIds.length > 0) this.#askForReplies(msgIds).catch(() => {})',
    instead: '',
  },
  {
    name: 'a client that sends again makes new bytes of it',
    file: 'protocol/session.ts',
    text: 'const date = message.date ?? dateNow()',
    instead: 'const date = dateNow()',
  },
  {
    name: 'languages are not heeded',
    file: 'controller/state/waiting-room.ts',
    text: 'if (where.language !== undefined && where.language !== language) return false',
    instead: '',
  },
  {
    name: 'a client settles a request and keeps it',
    file: 'client/state/requests.ts',
    text: 'const { msgId } = request\n    this.#waiting.delete(msgId)',
    instead: 'const { msgId } = request',
  },
  {
    name: 'a client lets the requests of a dead engine wait',
    file: 'client/state/requests.ts',
    text: 'request => request.engine === engine, {',
    instead: 'request => request.engine === undefined && engine === undefined, {',
  },
  {
    name: 'what a broadcast had under way when a connection broke is not sent again',
    file: BROADCAST,
    text: "effects.push({ type: 'send_request', ...sending, isAgain: true })",
    instead: '',
  },
  {
    name: 'a broadcast waits for a target that died',
    file: BROADCAST,
    text: 'return [...this.#gatherings.keys()].flatMap(originalId => this.#goOnWithout(engine, originalId))',
    instead: 'return []',
  },
  {
    name: 'one failed target fails a whole broadcast',
    file: BROADCAST,
    text: 'if (failed !== undefined && gathering.own) return takeApart(gathering)',
    instead: '',
  },
  {
    name: 'a coalesced reply has its values in the order in which they came',
    file: BROADCAST,
    text: 'for (const [uuid] of targets) buffers.push(...replies.get(uuid)!.buffers)',
    instead: 'for (const reply of replies.values()) buffers.push(...reply.buffers)',
  },
  {
    name: 'nobody is told of a broadcast that was lost with the connection of an engine',
    firstSeed: 501,
    file: BROADCAST,
    text: '        this.#refuse(client, request, uuid, connectionBroke(engine.id)),\n',
    instead: '',
  },
  {
    name: 'a client lets broadcasts wait that its own broken connection took along',
    file: 'client/link-repair.ts',
    text: 'if (lost.length > 0) this.#host.failed(lost, new DisconnectedError(text))',
    instead: '',
  },
  {
    name: 'a client takes a coalesced reply for the answer of its first target alone',
    file: 'client/coalesced-reply.ts',
    text: 'const buffers = payloads?.[index] ?? reply.buffers',
    instead: 'const buffers = payloads?.[0] ?? reply.buffers',
  },
  {
    name: 'the answer to a recall is lost with a connection, and with it the tasks',
    firstSeed: 501,
    file: 'controller/state/recall.ts',
    text: 'engine.doubtful.push(...engine.asked.splice(0).flat())',
    instead: '',
  },
  {
    name: 'what was given back stays in the hands of the engine',
    file: QUEUE,
    text: "'given back by engine', uuid)\n      this.#assignment.run(task, nowMs, effects)",
    instead: "'given back by engine', uuid)",
  },
  {
    name: 'an engine runs what it has given back',
    file: 'engine/begun-tasks.ts',
    text: 'if (given.length > 0) post(given)',
    instead: '',
  },
  {
    name: 'an engine gives back what it has begun',
    firstSeed: 401,
    file: 'engine/begun-tasks.ts',
    text: '!begun.has(numberOf',
    instead: 'begun.size > 0 || !begun.has(numberOf',
  },
  {
    name: 'what is submitted again loses the rules of its client',
    file: 'controller/controller.ts',
    text: 'itsparallel === undefined ? {} :',
    instead: 'itsparallel !== undefined ? {} :',
  },
  {
    name: 'whoever waits for a result of the hub is forgotten',
    file: 'controller/state/result-waits.ts',
    text: 'return ended.map(({ waiter }) => waiter)',
    instead: 'return []',
  },
  {
    name: 'a client has an engine under two numbers',
    firstSeed: 201,
    file: 'client/state/roster.ts',
    text: 'effects.push(...this.#leaveNumber(uuid, id))\n    this.#live.set(id, uuid)',
    instead: 'this.#live.set(id, uuid)',
  },
  {
    name: 'an answer is lost that came before its request to a controller that is new',
    firstSeed: 3801,
    file: 'controller/state/direct.ts',
    text: 'this.#early.set(msgId, { engine, reply })',
    instead: '',
  },
  {
    name: 'an engine waits for a controller at another address only',
    file: 'engine/state/engine-life.ts',
    text: "if (this.#state !== 'lost' && !(this.#state === 'starting' && changed)) return []",
    instead: 'if (!changed) return []',
  },
]
