/**
 * The row `event` has failed, in the words that the index of failed events in their order asks for.
 *
 * Workers look for failed events by key, and leave the second condition out, which holds for every row: so neither can be given the
 * index of the other, whatever the statistics say.
 */
export const isFailedSql = "event.status = 'failed' AND event.attempts_made >= 0";
