/** What runs on a host that is reached over ssh, as text. */

import { connectionFileName } from '../protocol/connection-file.ts'
import { quoteWord } from './program.ts'

/** A program of ours on a host. */
export interface RemoteProgram {
  readonly node: string
  /** The program's file and its arguments, which lead it to no profile. */
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** Engines on a host. */
export interface RemoteEngines extends RemoteProgram {
  readonly count: number
  /** Used where there is such a folder. */
  readonly profileDir: string
  /** Text of their connection file, which holds the key. */
  readonly connection: string
}

/** A controller on a host. */
export interface RemoteController extends RemoteProgram {
  readonly clusterId: string
  /** Text of its configuration file, in JSON. */
  readonly configuration: string
  /** Have others find it at the address at which ssh has found its host. */
  readonly isLocated: boolean
}

const END_OF_FILE = 'END-OF-FILE'

/**
 * How often a controller's script says something, in seconds: where the network was cut without a word, that it cannot be
 * sent is how its host comes to know. Engines notice by their controller.
 */
const BEAT = 5

/** Stand between what a controller sends of its connection files: shells may greet before that. */
export const FRAME = {
  engine: '--itsparallel-engine-file--',
  client: '--itsparallel-client-file--',
  end: '--itsparallel-end-of-files--',
} as const

/**
 * The command for ssh: it reads the script, of so many bytes, from its stdin and runs it. So nothing of that stands in an
 * argument, where everybody on the host could read it. What follows on stdin is the programs' lifeline.
 */
export function remoteCommand(scriptBytes: number): string {
  // In quotes, because the user's own shell may be of any kind.
  const read = `umask 077; d=$(mktemp -d) || exit 1; head -c ${scriptBytes} >"$d/run"`
  // Whoever sends it may be killed in the middle: half a script is none.
  const check = `[ $(wc -c <"$d/run") -eq ${scriptBytes} ] || { rm -rf "$d"; exit 1; }`
  return `exec /bin/sh -c '${read}; ${check}; exec /bin/sh "$d/run" "$d"'`
}

/**
 * The script that starts engines, waits for them, and leaves nothing. Each is in a process group of its own where the host
 * has a command for that: what it has started ends with it.
 */
export function enginesScript(engines: RemoteEngines): string {
  const { profileDir, connection, count } = engines
  return `${beginning(engines)}${writing('engine.json', connection)}profile=${quoteWord(profileDir)}
[ -d "$profile" ] || profile="$d/profile"
${entering(engines)}own=$(command -v setsid)
start() {
  ${calling(engines, '--file="$d/engine.json" --profile-dir="$profile"', '$own')} &
  engine=$!
  status=0
  wait "$engine" || status=$?
  [ -z "$own" ] || kill -9 -"$engine" 2>/dev/null
  exit $status
}
pids=
i=0
while [ $i -lt ${count} ]; do
  start &
  pids="$pids $!"
  i=$((i + 1))
done
status=0
for pid in $pids; do wait "$pid" || status=$?; done
${ending}`
}

/**
 * The script that starts a controller, writes its connection files to stdout as soon as they are there, waits for it, and
 * leaves nothing.
 */
export function controllerScript(controller: RemoteController): string {
  const { clusterId, configuration, isLocated } = controller
  const file = (role: 'client' | 'engine'): string =>
    `"$d/profile/security/"${quoteWord(connectionFileName(role, clusterId))}`
  const [engine, client] = [file('engine'), file('client')]
  return `${beginning(controller)}mkdir "$d/profile" || exit 1
${writing('profile/ipcontroller_config.json', configuration)}location=
${isLocated ? located : ''}${entering(controller)}{
  ${calling(controller, '--profile-dir="$d/profile" $location')} >&2
  status=$?
  : >"$d/ended"
  exit $status
} &
pid=$!
until [ -f ${client} ] || [ -f "$d/ended" ]; do sleep 0.05 2>/dev/null || sleep 1; done
if [ -f ${client} ]; then
  echo ${FRAME.engine}
  cat ${engine}
  echo
  echo ${FRAME.client}
  cat ${client}
  echo
  echo ${FRAME.end}
fi
{
  ended= pause=
  trap 'ended=yes; [ -z "$pause" ] || kill "$pause" 2>/dev/null' TERM
  while [ -z "$ended" ]; do
    sleep ${BEAT} >/dev/null 2>&1 &
    pause=$!
    # It may have been asked to end in between.
    [ -z "$ended" ] || kill "$pause"
    wait "$pause"
    [ -n "$ended" ] || echo
  done
} &
beat=$!
status=0
wait "$pid" || status=$?
kill "$beat" 2>/dev/null
${ending}`
}

/** The script of a connection that only forwards ports: it says when it does, and ends with us. */
export const forwardingScript = `rm -rf "$1"
echo ${FRAME.end}
exec cat >/dev/null
`

/** Fourth word of ssh's account of the connection: the address of the host itself. IPv6 is not for the controller. */
const located = `set -- $SSH_CONNECTION
case \${3-} in '' | *:*) ;; *) location=--location=$3 ;; esac
`

function beginning({ node, args: [file = ''] }: RemoteProgram): string {
  // When it writes and the connection is gone, the signal would end the shell without what it does on EXIT.
  return `d=$1
trap 'rm -rf "$d"' EXIT
trap : PIPE
fail() { echo "$(hostname): $1" >&2; exit 127; }
command -v ${quoteWord(node)} >/dev/null || fail ${quoteWord(`there is no ${node} here`)}
[ -f ${quoteWord(file)} ] || fail ${quoteWord(`there is no ${file} here`)}
`
}

function writing(name: string, text: string): string {
  return `cat >"$d/${name}" <<'${END_OF_FILE}'
${text}
${END_OF_FILE}
`
}

/**
 * Programs end when the connection does, since a pipe that ends with our stdin is their lifeline: a pipe of its own,
 * because they would write to stdin where that is a socket.
 */
function entering({ env, cwd }: RemoteProgram): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
  return `${exports.join('')}cd ${quoteWord(cwd)} 2>/dev/null || cd
mkfifo "$d/lifeline" || exit 1
exec 4<&0 </dev/null
cat <&4 >"$d/lifeline" &
relay=$!
exec 3<"$d/lifeline" 4<&-
export ITSPARALLEL_LIFELINE=3
`
}

/**
 * @param place - options that lead the program to its files, as the shell reads them.
 * @param before - words before the command.
 */
function calling(
  { node, args: [file = '', ...others] }: RemoteProgram,
  place: string,
  ...before: readonly string[]
): string {
  return [...before, quoteWord(node), quoteWord(file), place, ...others.map(quoteWord)].join(' ')
}

const ending = `kill "$relay" 2>/dev/null
exit $status
`
