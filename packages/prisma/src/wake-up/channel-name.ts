import { z } from "zod";
import { prismaDefaults } from "../defaults.js";

/** The rule for the name of a channel of LISTEN and NOTIFY: an identifier, at most 63 bytes. */
export const channelName = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= 63, "must have at most 63 bytes")
  .refine((name) => !name.includes("\0"), "must not hold a NUL character")
  .default(prismaDefaults.wakeUp.channel);
