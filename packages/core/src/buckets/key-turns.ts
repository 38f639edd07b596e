/** Lets the events of a key be worked on one after the other, in the order in which they entered. */
export interface KeyTurns {
  /** `false`, at once or later: an earlier event of the key did not complete. */
  enter(partitionKey: string): true | Promise<boolean>;
  /** An event of the key completed: the next one's turn. */
  next(partitionKey: string): void;
  /** An event of the key did not complete: those that wait are turned away. */
  stop(partitionKey: string): void;
  /** Turns away those that wait, while the one in turn goes on. */
  turnAway(partitionKey: string): void;
}

interface Lane {
  inTurn: number;
  readonly waiting: ((isTheirTurn: boolean) => void)[];
}

/**
 * @param inFlightPerKey - events of a key that may be worked on at once; above 1 they may overtake each other when one of them
 *   does not complete
 */
export function createKeyTurns(inFlightPerKey: number): KeyTurns {
  /** A key is in the map while an event of it is being worked on. */
  const lanes = new Map<string, Lane>();

  function leave(partitionKey: string, lane: Lane): void {
    lane.inTurn -= 1;
    if (lane.inTurn === 0 && lane.waiting.length === 0) lanes.delete(partitionKey);
  }

  function turnAway(lane: Lane): void {
    for (const refuse of lane.waiting.splice(0)) refuse(false);
  }

  return {
    enter(partitionKey) {
      const lane = lanes.get(partitionKey);
      if (lane === undefined) {
        lanes.set(partitionKey, { inTurn: 1, waiting: [] });
        return true;
      }
      if (lane.inTurn < inFlightPerKey) {
        lane.inTurn += 1;
        return true;
      }
      return new Promise((resolve) => lane.waiting.push(resolve));
    },
    next(partitionKey) {
      const lane = lanes.get(partitionKey);
      if (lane === undefined) return;
      const first = lane.waiting.shift();
      if (first === undefined) leave(partitionKey, lane);
      else first(true);
    },
    stop(partitionKey) {
      const lane = lanes.get(partitionKey);
      if (lane === undefined) return;
      turnAway(lane);
      leave(partitionKey, lane);
    },
    turnAway(partitionKey) {
      const lane = lanes.get(partitionKey);
      if (lane !== undefined) turnAway(lane);
    },
  };
}
