/** The task that piscina's threads run: nothing, or being busy for so many seconds. */
export default (seconds = 0) => {
  if (seconds === 0) return 0
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs);
  return 0
}
