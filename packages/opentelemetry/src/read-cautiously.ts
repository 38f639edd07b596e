import { describeFailure } from "@omni-box/core";
import { diag } from "@opentelemetry/api";

/** Reads what is to be exported; `null` when that throws, which is told to OpenTelemetry's own log and costs only these numbers. */
export function readCautiously<T>(what: string, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const { code, message } = describeFailure(error);
    diag.error(`omni-box: ${what} cannot be read: ${code} ${message}`);
    return null;
  }
}
