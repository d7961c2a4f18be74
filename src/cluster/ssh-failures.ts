/** What ssh says when there is no connection, what that means, and what to do. */

type Explanation = { readonly cause: string; readonly hint: string }

const FAILURES: readonly (readonly [RegExp, (host: string) => Explanation])[] = [
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
export function explainSsh(output: string, host: string): Explanation | undefined {
  return FAILURES.find(([words]) => words.test(output))?.[1](host)
}

/** Lines of ssh, as a rule with the host's name. */
const LINES_OF_SSH = [
  /^ssh: connect to host (\S+) port .*/m,
  /^ssh: Could not resolve hostname ([^\s:]+).*/m,
  /^(?:[^\s@]+@)?(\S+): Permission denied \(.*/m,
  /^Host key verification failed.*/m,
]

/** Explains what ssh says among what others say, in the output of a program that has called it: also by which line. */
export function explainSshAmong(output: string): (Explanation & { readonly line: string }) | undefined {
  const found = LINES_OF_SSH.map(words => words.exec(output)).find(match => match !== null)
  if (found === undefined || found === null) return undefined
  const [line, host = 'HOST'] = found
  const explanation = explainSsh(line, host)
  return explanation === undefined ? undefined : { ...explanation, line }
}

/** Whether a port of this machine could not be had for a tunnel. */
export function isPortTaken(output: string): boolean {
  return /cannot listen to port|Could not request local forwarding/.test(output)
}

/** Explains what a connection says that forwards nothing; undefined as long as it says nothing of that. */
export function explainForward(output: string, host: string): Explanation | undefined {
  if (!/open failed: administratively prohibited/.test(output)) return undefined
  return {
    cause: `${host} forwards no ports`,
    hint: `allow it there (AllowTcpForwarding), or have the controller listen where this machine reaches it: ip: "*", location: "NAME"`,
  }
}
