import type { OutboxRelay } from "@omni-box/core";

/** What `omni-box.config` exports by default; made by {@link defineConfig}. */
export interface OmniBoxConfig {
  /** Makes the relay that `omni-box relay` runs. It is started and stopped by the command. */
  readonly relay?: (() => OutboxRelay | Promise<OutboxRelay>) | undefined;
  /** Called when the relay has stopped: closes what it was made of, such as the Prisma client. */
  readonly close?: (() => unknown) | undefined;
  /** Where `omni-box relay` shows health and metrics; `false`: nowhere. Default: port 9464 of 127.0.0.1. */
  readonly http?: HttpOptions | false | undefined;
  /** For `omni-box doctor`. */
  readonly doctor?: DoctorOptions | undefined;
}

/** Where health and metrics are shown. */
export interface HttpOptions {
  /** Default `"127.0.0.1"`; in a container `"0.0.0.0"`. */
  readonly host?: string | undefined;
  /** Default 9464. 0: any free port, which is then said. */
  readonly port?: number | undefined;
}

/** By what `omni-box doctor` measures, and what it looks at beside the database; the command line may add to it. */
export interface DoctorOptions {
  /** The `bucketCount` of your repositories; default 64. */
  readonly bucketCount?: number | undefined;
  /** Default: AMQP_URL. */
  readonly amqpUrl?: string | undefined;
  /** Exchanges that must exist. */
  readonly exchanges?: readonly string[] | undefined;
  /** Queues that must exist. */
  readonly queues?: readonly string[] | undefined;
  /** Default: REDIS_URL. */
  readonly redisUrl?: string | undefined;
}

/** Gives `omni-box.config` its types; returns what it is given. */
export function defineConfig(config: OmniBoxConfig): OmniBoxConfig {
  return config;
}
