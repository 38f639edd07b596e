import { Command } from "commander";
import { loadConfig } from "../config/load-config.js";
import type { CommandContext } from "../create-program.js";
import { type ConnectionOptions, databaseTarget } from "../database/database-target.js";
import { checkDatabase } from "../doctor/check-database.js";
import { checkRabbitMq } from "../doctor/check-rabbitmq.js";
import { checkRedis } from "../doctor/check-redis.js";
import type { Finding } from "../doctor/finding.js";
import { exitCodes } from "../exit-codes.js";
import { several, someText, wholeNumber } from "../options/parse-option.js";
import { addConnectionOptions, type OutputOptions } from "../options/shared-options.js";
import { renderTable } from "../render/table.js";
import { writeResult } from "../render/write-result.js";

interface DoctorCommandOptions extends ConnectionOptions, OutputOptions {
  readonly config?: string;
  readonly amqpUrl?: string;
  readonly exchange?: readonly string[];
  readonly queue?: readonly string[];
  readonly redisUrl?: string;
  readonly bucketCount?: number;
}

/** `omni-box doctor`. */
export function doctorCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("doctor")
    .description("look for everything that is wrong, and say what to do; exit code 3 when there is a problem")
    .option(
      "--config <file>",
      "the configuration; default: omni-box.config.ts, .mts, .js or .mjs, if there is one",
      someText(1_000),
    )
    .option("--bucket-count <number>", "that of your repositories; default: 64", wholeNumber(1, 32_767))
    .option("--amqp-url <url>", "RabbitMQ; default: AMQP_URL, else it is not looked at")
    .option("--exchange <name>", "an exchange that must exist; may be repeated", several)
    .option("--queue <name>", "a queue that must exist; may be repeated", several)
    .option("--redis-url <url>", "Redis; default: REDIS_URL, else it is not looked at");
  return addConnectionOptions(command).action(
    action(async (options: DoctorCommandOptions) => {
      const target = databaseTarget(options, terminal);
      const config = (await loadConfig(terminal.cwd, options.config))?.doctor;
      const amqpUrl = options.amqpUrl ?? config?.amqpUrl ?? given(terminal.env.AMQP_URL);
      const redisUrl = options.redisUrl ?? config?.redisUrl ?? given(terminal.env.REDIS_URL);
      const findings: readonly Finding[] = [
        ...(await checkDatabase(target, options.bucketCount ?? config?.bucketCount)),
        ...(amqpUrl === undefined
          ? [notNamed("RabbitMQ", "--amqp-url or AMQP_URL")]
          : await checkRabbitMq({
              url: amqpUrl,
              exchanges: [...(config?.exchanges ?? []), ...(options.exchange ?? [])],
              queues: [...(config?.queues ?? []), ...(options.queue ?? [])],
            })),
        ...(redisUrl === undefined ? [notNamed("Redis", "--redis-url or REDIS_URL")] : await checkRedis(redisUrl)),
      ];
      writeResult(terminal, options, { findings }, () => renderFindings(findings));
      return findings.some(({ status }) => status === "problem") ? exitCodes.needsAttention : exitCodes.ok;
    }),
  );
}

function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function notNamed(name: string, how: string): Finding {
  return { name, status: "skipped", found: `not named by ${how}`, advice: null };
}

function renderFindings(findings: readonly Finding[]): string {
  const table = renderTable(
    ["STATUS", "WHAT", "FOUND"],
    findings.map(({ status, name, found }) => [status, name, found]),
  );
  const advised = findings.filter(({ advice, status }) => advice !== null && status !== "ok");
  if (advised.length === 0) return table;
  return `${table}\nTO DO\n${advised.map(({ name, advice }) => `${name}: ${advice}\n`).join("")}`;
}
