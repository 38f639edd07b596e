import { OmniBoxError } from "../errors/omni-box-error.js";

/**
 * The error of a message that cannot be read, for parsers to throw.
 *
 * @param reason - completes "the message cannot be decoded: …"; must not show anything of the message
 */
export function undecodable(reason: string): OmniBoxError {
  return new OmniBoxError("MESSAGE.UNDECODABLE", `the message cannot be decoded: ${reason}`);
}
