type ClientOptions = Readonly<Record<string, unknown>>;

/** What is wrong with an option, and why. */
interface OptionRule {
  readonly problem: string;
  isBroken(options: ClientOptions): boolean;
}

const rules: readonly OptionRule[] = [
  {
    problem:
      "enableOfflineQueue is on: without a connection commands wait, and are carried out when nobody waits for them any more",
    isBroken: ({ enableOfflineQueue }) => enableOfflineQueue !== false,
  },
  {
    problem: "autoResendUnfulfilledCommands is on: what was cut off is carried out again after a reconnect",
    isBroken: ({ autoResendUnfulfilledCommands }) => autoResendUnfulfilledCommands !== false,
  },
  {
    problem: "maxRetriesPerRequest is not 0: commands that were cut off are answered late, or never",
    isBroken: ({ maxRetriesPerRequest }) => maxRetriesPerRequest !== 0,
  },
  {
    problem:
      "neither commandTimeout nor socketTimeout is set: a connection whose other end has vanished is kept for long",
    isBroken: ({ commandTimeout, socketTimeout }) => !isPositive(commandTimeout) && !isPositive(socketTimeout),
  },
  {
    problem: "retryStrategy is no function: a lost connection is not made again",
    isBroken: ({ retryStrategy }) => typeof retryStrategy !== "function",
  },
];

function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}

/** The options of a client under which a lock works, and learns late what it has to know soon; one sentence each. */
export function problemsOfClientOptions(options: object | undefined): readonly string[] {
  // Only a single client's options are known to us.
  if (options === undefined || !("maxRetriesPerRequest" in options)) return [];
  return rules.filter((rule) => rule.isBroken(options as ClientOptions)).map(({ problem }) => problem);
}
