/** A module with state: an engine has one instance of it. */

let calls = 0

export const count = (): number => ++calls
