/** A task that never overlaps itself. */
export interface CoalescedTask {
  /** Runs the task; while it runs, asks for one more run behind it. */
  request(): void;
  /** Drops what was asked for and resolves when nothing runs. */
  end(): Promise<void>;
}

/** @param run - must not reject */
export function createCoalescedTask(run: () => Promise<void>): CoalescedTask {
  let running: Promise<void> | null = null;
  let isWanted = false;

  async function runWhileWanted(): Promise<void> {
    while (isWanted) {
      isWanted = false;
      await run();
    }
    running = null;
  }

  return {
    request() {
      isWanted = true;
      running ??= runWhileWanted();
    },
    async end() {
      isWanted = false;
      await running;
    },
  };
}
