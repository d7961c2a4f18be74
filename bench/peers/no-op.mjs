/** The task that piscina's threads run: nothing. */
export default () => 0
