/**
 * The two files through which clients and engines find a controller: `ipcontroller-client.json` and
 * `ipcontroller-engine.json`, in ipyparallel's format (wire-protocol reference, section 1).
 */

import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import * as v from 'valibot'
import { ConfigurationError, ConnectionError } from '../errors.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

const common = {
  ssh: v.optional(v.string(), ''),
  interface: v.pipe(v.string(), v.startsWith('tcp://', 'only tcp:// interfaces are supported')),
  registration: port,
  control: port,
  mux: port,
  task: port,
  iopub: port,
  key: v.optional(v.string(), ''),
  curve_serverkey: v.nullish(v.null('this controller encrypts (CURVE); start it without encryption'), null),
  location: v.optional(v.string(), ''),
  // `orjson` writes ordinary JSON; anything else would make us run or guess what a stranger packed.
  pack: v.picklist(['json', 'orjson'], 'messages must be packed as json: start the controller with json'),
  unpack: v.picklist(['json', 'orjson'], 'messages must be packed as json: start the controller with json'),
  signature_scheme: v.literal('hmac-sha256', 'only hmac-sha256 is supported'),
}

const clientFile = v.object({ ...common, task_scheme: v.string(), notification: port, broadcast: port })
const engineEntries = {
  ...common,
  hb_ping: port,
  hb_pong: port,
  broadcast: v.pipe(v.array(port), v.minLength(1)),
}
const engineFile = v.object({
  ...engineEntries,
  /** Where this file leads through a tunnel: the controller's host as ssh calls it, and the file as it is there. */
  untunnelled: v.optional(v.object({ host: v.string(), connection: v.object(engineEntries) })),
})

/** What `ipcontroller-client.json` holds. */
export type ClientConnection = v.InferOutput<typeof clientFile>
/** What `ipcontroller-engine.json` holds. */
export type EngineConnection = v.InferOutput<typeof engineFile>

export type ConnectionRole = 'client' | 'engine'

/** `ipcontroller-client.json`, or `ipcontroller-ID-client.json` for a cluster with an id. */
export function connectionFileName(role: ConnectionRole, clusterId = ''): string {
  return clusterId === '' ? `ipcontroller-${role}.json` : `ipcontroller-${clusterId}-${role}.json`
}

/**
 * @throws ConnectionError when the file cannot be read.
 * @throws ConfigurationError when it is not a connection file of this role.
 */
export async function readClientConnection(path: string): Promise<ClientConnection> {
  return parseClientConnection(await readText(path), path)
}

/** As readClientConnection, for an engine. */
export async function readEngineConnection(path: string): Promise<EngineConnection> {
  return parseEngineConnection(await readText(path), path)
}

/** @param source - where the text came from, for the error message. */
export function parseClientConnection(text: string, source: string): ClientConnection {
  return parse(clientFile, text, source)
}

/** @param source - where the text came from, for the error message. */
export function parseEngineConnection(text: string, source: string): EngineConnection {
  return parse(engineFile, text, source)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConnectionError(
      `cannot read the connection file ${path}: is a controller running? Start one with \`ipcluster start\`.`,
      { cause },
    )
  }
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
  source: string,
): v.InferOutput<Schema> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ConfigurationError(`${source} is not a connection file: it is not JSON`, { cause })
  }
  const result = v.safeParse(schema, json)
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = v.getDotPath(issue)
  throw new ConfigurationError(
    `${source} is not a usable connection file: ${where === null ? '' : `${where}: `}${issue.message}`,
  )
}

/**
 * The address to connect to. `tcp://*` and `tcp://0.0.0.0` mean every address of the controller's host: `location`
 * then says which host that is, and this machine itself is always reached through 127.0.0.1.
 *
 * @returns `tcp://address`, without a port.
 */
export async function resolveInterface(connection: {
  readonly interface: string
  readonly location: string
}): Promise<string> {
  const address = connection.interface.slice('tcp://'.length)
  if (address !== '*' && address !== '0.0.0.0') return connection.interface
  const { location } = connection
  if (location === '' || location === hostname()) return 'tcp://127.0.0.1'
  const resolved = await lookup(location, 4).catch(cause => {
    throw new ConnectionError(
      `cannot find the controller's host ${location}: give its address with --location`,
      {
        cause,
      },
    )
  })
  const own = Object.values(networkInterfaces()).some(list =>
    list?.some(entry => entry.address === resolved.address),
  )
  return own || resolved.address.startsWith('127.') ? 'tcp://127.0.0.1' : `tcp://${resolved.address}`
}
