/**
 * Why an interrupted request failed: under the name that Python's clients know. A plain Error, so that nothing but its
 * name and place must travel.
 */
export function keyboardInterrupt(): Error {
  const error = new Error('')
  Object.defineProperty(error, 'name', { value: 'KeyboardInterrupt', configurable: true, writable: true })
  error.stack = 'KeyboardInterrupt'
  return error
}
