import { z } from "zod";
import { redisDefaults } from "../defaults.js";

/** The rule for the name of a channel. */
export const channelName = z.string().min(1).max(255).default(redisDefaults.wakeUp.channel);
