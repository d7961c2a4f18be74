/** What is known of a message that came: fill one by passing it to a receive. */
export class Status {
  /** Rank of the sender. */
  source = -1
  tag = -1
  /** Elements of a buffer, or bytes of a value. */
  count = 0
}
