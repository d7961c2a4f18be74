const ISO_DATE =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:Z|([+-])(\d{2}):?(\d{2}))$/

/**
 * Microseconds since 1970 of a date as messages carry it: Python writes six digits of a second, JavaScript three, so
 * that dates cannot be compared as text.
 *
 * @returns undefined for anything else.
 */
export function isoDateMicros(text: string): number | undefined {
  const match = ISO_DATE.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hours, minutes, seconds, fraction = '', sign, offsetHours, offsetMinutes] = match
  const days = daysFromCivil(Number(year), Number(month), Number(day))
  let total = ((days * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
  if (sign !== undefined) {
    const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60
    total -= sign === '+' ? offset : -offset
  }
  return total * 1e6 + Number(fraction.padEnd(6, '0'))
}

/** Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that begin in March. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
