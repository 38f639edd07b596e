const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** No other text is the id of an event, and the database would refuse it. */
export function isUuid(id: string): boolean {
  return uuid.test(id);
}
