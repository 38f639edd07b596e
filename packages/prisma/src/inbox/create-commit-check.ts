/** Finds out whether transactions that reported their commit have really committed. */
export interface CommitCheck {
  /** A transaction begins that may ask for itself later; call what it returns when it has ended. */
  begin(): () => void;
  /** Whether the row, which a transaction inserted, is there; rejects as the statement does. */
  isThere(id: string): Promise<boolean>;
}

/** When the rows that are asked for are looked for. */
export interface CommitCheckOptions {
  /** The longest wait for other transactions that are about to end. */
  readonly waitMs: number;
  /** So many are enough for one statement. */
  readonly maxRows: number;
}

interface Waiting {
  readonly id: string;
  readonly resolve: (isThere: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes the check. While other transactions are open it waits a moment for them, so that under load many share one statement;
 * a transaction that is alone is answered at once.
 *
 * @param findIds - reads which of the rows exist, in one statement
 */
export function createCommitCheck(
  findIds: (ids: readonly string[]) => Promise<ReadonlySet<string>>,
  { waitMs, maxRows }: CommitCheckOptions,
): CommitCheck {
  let waiting: Waiting[] = [];
  let open = 0;
  let timer: NodeJS.Timeout | undefined;

  function askWhenWorthwhile(): void {
    if (waiting.length === 0) return;
    if (open === 0 || waiting.length >= maxRows) void ask();
    else timer ??= setTimeout(() => void ask(), waitMs);
  }

  async function ask(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const asked = waiting;
    waiting = [];
    try {
      const found = await findIds(asked.map(({ id }) => id));
      for (const { id, resolve } of asked) resolve(found.has(id));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  return {
    begin() {
      open += 1;
      return () => {
        open -= 1;
        askWhenWorthwhile();
      };
    },
    isThere: (id) =>
      new Promise((resolve, reject) => {
        waiting.push({ id, resolve, reject });
        askWhenWorthwhile();
      }),
  };
}
