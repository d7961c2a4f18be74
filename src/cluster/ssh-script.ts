/** What runs on a host that is reached over ssh, as text. */

import { quoteWord } from './program.ts'

/** Engines on a host. */
export interface RemoteEngines {
  readonly node: string
  /** The program's file and its arguments. */
  readonly args: readonly string[]
  readonly count: number
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Text of their connection file, which holds the key. */
  readonly connection: string
}

const END_OF_FILE = 'END-OF-FILE'

/**
 * The command for ssh: it reads the script, of so many bytes, from its stdin and runs it. So nothing of that stands in an
 * argument, where everybody on the host could read it. What follows on stdin is the engines' lifeline.
 */
export function remoteCommand(scriptBytes: number): string {
  // In quotes, because the user's own shell may be of any kind.
  return `exec /bin/sh -c 'umask 077; d=$(mktemp -d) || exit 1; head -c ${scriptBytes} >"$d/run"; exec /bin/sh "$d/run" "$d"'`
}

/**
 * The script: it starts the engines, waits for them, and leaves nothing. They end when the connection does, since a pipe
 * that ends with our stdin is their lifeline: a pipe of its own, because engines would write to stdin where that is a
 * socket.
 */
export function remoteScript(engines: RemoteEngines): string {
  const { node, args, count, cwd, env, connection } = engines
  const [file = '', ...others] = args
  const [program, path] = [quoteWord(node), quoteWord(file)]
  return `d=$1
trap 'rm -rf "$d"' EXIT
fail() { echo "$(hostname): $1" >&2; exit 127; }
command -v ${program} >/dev/null || fail ${quoteWord(`there is no ${node} here`)}
[ -f ${path} ] || fail ${quoteWord(`there is no ${file} here`)}
cat >"$d/engine.json" <<'${END_OF_FILE}'
${connection}
${END_OF_FILE}
${Object.entries(env)
  .map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
  .join('')}cd ${quoteWord(cwd)} 2>/dev/null || cd
mkfifo "$d/lifeline" || exit 1
exec 4<&0 </dev/null
cat <&4 >"$d/lifeline" &
relay=$!
exec 3<"$d/lifeline" 4<&-
export ITSPARALLEL_LIFELINE=3
pids=
i=0
while [ $i -lt ${count} ]; do
  ${program} ${path} --file="$d/engine.json" ${others.map(quoteWord).join(' ')} &
  pids="$pids $!"
  i=$((i + 1))
done
status=0
for pid in $pids; do wait "$pid" || status=$?; done
kill "$relay" 2>/dev/null
exit $status
`
}

/** What ssh says when there is no connection, what that means, and what to do. */
const FAILURES: readonly (readonly [RegExp, (host: string) => { cause: string; hint: string }])[] = [
  [
    /Permission denied/,
    host => ({
      cause: `${host} refuses the key`,
      hint: `make \`ssh ${host}\` work without a question: have a key that ${host} knows (ssh-copy-id ${host}), in ~/.ssh/config, the agent, or ssh: { args: ["-i", "FILE"] }`,
    }),
  ],
  [
    /Host key verification failed/,
    host => ({
      cause: `the key of host ${host} is not known here, or is not the one that is`,
      hint: `connect once by hand (ssh ${host}) and accept its key`,
    }),
  ],
  [
    /Could not resolve hostname/,
    host => ({
      cause: `there is no host ${host}`,
      hint: 'look at the name, in the settings and in ~/.ssh/config',
    }),
  ],
  [
    /remote port forwarding failed/,
    host => ({
      cause: `${host} forwards no ports`,
      hint: `allow it there (AllowTcpForwarding), or have the controller listen where ${host} reaches it: ip: "*", location: "NAME", ssh: { tunnel: false }`,
    }),
  ],
  [
    /Connection refused|Connection timed out|No route to host|Network is unreachable/,
    host => ({
      cause: `no ssh server answers at ${host}`,
      hint: 'is the host up, is sshd running there, and is the port the right one?',
    }),
  ],
]

/** Explains why there was no connection; undefined when ssh's words are not known. */
export function explainSsh(output: string, host: string): { cause: string; hint: string } | undefined {
  return FAILURES.find(([words]) => words.test(output))?.[1](host)
}
