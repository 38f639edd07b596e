/** Turns for handlers: at most so many at once, in the order in which they asked, and some alone. */
export interface HandlerSlots {
  /**
   * Waits for a turn; `alone`: with nothing else at work. Later ones do not overtake one that waits to be alone.
   *
   * @returns what ends the turn; `null` when it was dismissed before it came.
   */
  enter(alone: boolean): Promise<(() => void) | null>;
  /** Sends away everything that still waits for its turn. */
  dismiss(): void;
  /** Resolves when nothing is at work alone. */
  whenNoneAlone(): Promise<void>;
  /** Resolves when fewer are at work or waiting than may be at work at once. */
  whenRoom(): Promise<void>;
}

interface Waiter {
  readonly alone: boolean;
  readonly answer: (leave: (() => void) | null) => void;
}

/** @param onTurn - called whenever a turn begins or ends */
export function createHandlerSlots(concurrency: number, onTurn: () => void = () => undefined): HandlerSlots {
  let queue: Waiter[] = [];
  let roomWaiters: (() => void)[] = [];
  let loneWaiters: (() => void)[] = [];
  let active = 0;
  let isAlone = false;

  function mayBegin({ alone }: Waiter): boolean {
    return alone ? active === 0 : !isAlone && active < concurrency;
  }

  function hasRoom(): boolean {
    return active + queue.length < concurrency;
  }

  function admit(): void {
    for (let next = queue[0]; next !== undefined && mayBegin(next); next = queue[0]) {
      queue.shift();
      active += 1;
      isAlone = next.alone;
      onTurn();
      next.answer(leaveOnce());
    }
    if (!hasRoom()) return;
    for (const resolve of roomWaiters) resolve();
    roomWaiters = [];
  }

  function leaveOnce(): () => void {
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      active -= 1;
      if (isAlone) {
        isAlone = false;
        for (const resolve of loneWaiters) resolve();
        loneWaiters = [];
      }
      onTurn();
      admit();
    };
  }

  return {
    enter: (alone) =>
      new Promise((answer) => {
        queue.push({ alone, answer });
        admit();
      }),
    dismiss() {
      for (const { answer } of queue) answer(null);
      queue = [];
      admit();
    },
    whenNoneAlone: () => (isAlone ? new Promise((resolve) => loneWaiters.push(resolve)) : Promise.resolve()),
    whenRoom: () => (hasRoom() ? Promise.resolve() : new Promise((resolve) => roomWaiters.push(resolve))),
  };
}
