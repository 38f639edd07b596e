/** How much is measured. */
export interface RunOptions {
  readonly events: number;
  /** Rounds that count, of each way. */
  readonly rounds: number;
  /** Whether the long and the large cases are measured in full: 10 minutes, 10 million rows. */
  readonly isFull: boolean;
}
