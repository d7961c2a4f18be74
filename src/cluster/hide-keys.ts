/** A cluster's key as programs show their settings: Python's engines write `'key': b'…'` on stderr. */
const KEY = /(\bkey\b['"]?\s*[:=]\s*b?['"])[\da-f-]{30,}(?=['"])/gi

/** What a program has written, without the key of the cluster: it goes into errors and logs. */
export function hideKeys(text: string): string {
  return text.replace(KEY, '$1…')
}
