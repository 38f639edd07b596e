import { describe, expect, it } from "vitest";
import { problemsOfClientOptions } from "./check-client-options.js";
import { redisClientOptions } from "./redis-client-options.js";

describe("the options of a lock's client", () => {
  it("are good as we offer them", () => {
    expect(problemsOfClientOptions(redisClientOptions)).toEqual([]);
  });

  it.each([
    [{ enableOfflineQueue: true }, /^enableOfflineQueue is on/],
    [{ enableOfflineQueue: undefined }, /^enableOfflineQueue is on/],
    [{ autoResendUnfulfilledCommands: true }, /^autoResendUnfulfilledCommands is on/],
    [{ maxRetriesPerRequest: 20 }, /^maxRetriesPerRequest is not 0/],
    [{ maxRetriesPerRequest: null }, /^maxRetriesPerRequest is not 0/],
    [{ commandTimeout: undefined, socketTimeout: 0 }, /^neither commandTimeout nor socketTimeout/],
    [{ retryStrategy: null }, /^retryStrategy is no function/],
  ])("are told of when they are not: %j", (changes, problem) => {
    expect(problemsOfClientOptions({ ...redisClientOptions, ...changes })).toEqual([expect.stringMatching(problem)]);
  });

  it("are enough with one of the two time-outs", () => {
    expect(problemsOfClientOptions({ ...redisClientOptions, commandTimeout: undefined })).toEqual([]);
    expect(problemsOfClientOptions({ ...redisClientOptions, socketTimeout: undefined })).toEqual([]);
  });

  it("are not judged where they are not those of a single client", () => {
    expect(problemsOfClientOptions(undefined)).toEqual([]);
    expect(problemsOfClientOptions({ redisOptions: {} })).toEqual([]);
  });
});
