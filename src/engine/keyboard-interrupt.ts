/** Why an interrupted request failed: the name that Python's clients know. */
export class KeyboardInterrupt extends Error {
  override readonly name = 'KeyboardInterrupt'
}
