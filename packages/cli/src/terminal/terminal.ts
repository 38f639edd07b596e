/** Where a command reads and writes. */
export interface Terminal {
  /** Results, on standard output. */
  write(text: string): void;
  /** Everything else, on standard error. */
  tell(text: string): void;
  /** Whether a person can answer questions here. */
  readonly isInteractive: boolean;
  /** Whether what is written is seen at once, and may be cleared. */
  readonly isScreen: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Asks a question that is answered with yes or no; anything but yes is no. */
  confirm(question: string): Promise<boolean>;
  /** Shows that something is going on, where a person sees it; nothing is written elsewhere. */
  showProgress(text: string): Progress;
  /** Aborted by the first SIGINT or SIGTERM; by the second one the process ends at once. Only commands that run on call it. */
  onInterrupt(): AbortSignal;
}

/** A line that says what is going on. */
export interface Progress {
  update(text: string): void;
  end(): void;
}
