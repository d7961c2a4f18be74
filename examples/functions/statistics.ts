/** A module of our own, imported at the top of the program. */

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

export const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length
