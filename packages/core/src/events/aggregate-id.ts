/**
 * The text of an aggregate id: numbers and BigInts in decimal.
 *
 * Anything else, and numbers that are not exact, stays as it is for the validation to refuse: events of all aggregates whose
 * id was forgotten would share the key "undefined".
 */
export function aggregateIdText(id: unknown): unknown {
  return typeof id === "bigint" || Number.isSafeInteger(id) ? String(id) : id;
}
