// @ts-check

import { installDebianPackages } from "./services/debian.mjs";
import { composeServices, dockerAnswers } from "./services/docker.mjs";
import { postgres } from "./services/postgres.mjs";
import { rabbitmq } from "./services/rabbitmq.mjs";
import { redis } from "./services/redis.mjs";

/**
 * @typedef {"postgres" | "rabbitmq" | "redis"} ServiceName
 *
 * @typedef {object} StartedService
 * @property {string} url
 * @property {() => Promise<void>} stop
 *
 * @typedef {object} ServiceDefinition What this script knows of one kind of service.
 * @property {string} title
 * @property {string} variable The environment variable that names a running one.
 * @property {() => string[]} localUrls Where one usually runs on this machine.
 * @property {(url: string) => Promise<string>} probe Talks the service's own protocol and gives the server's version.
 * @property {(() => string | undefined)} executable The installed server, if it is installed.
 * @property {string[]} debianPackages What has to be installed when it is not.
 * @property {() => Promise<StartedService>} start A private instance on a free port.
 *
 * @typedef {object} Services
 * @property {(names: ServiceName[], options?: { privateOnly?: boolean }) => Promise<Record<string, string>>} provide
 *   Finds or starts the services and gives the environment variables that name them.
 * @property {() => Promise<void>} stop Stops what was started here, and nothing else. May be called more than once.
 */

/** @type {Record<ServiceName, ServiceDefinition>} */
const definitions = { postgres, rabbitmq, redis };

/**
 * Services for tests and demo: running ones where there are any, else our own.
 *
 * @param {{ log: (line: string) => void }} options
 * @returns {Services}
 */
export function createServices({ log }) {
  /** @type {Array<() => Promise<void>>} */
  const started = [];
  let stopped = false;

  /** @param {StartedService} service */
  const own = async (service) => {
    started.push(service.stop);
    // An interrupt may have come while it was starting.
    if (stopped) await service.stop();
    return service.url;
  };

  /** @type {Services["provide"]} */
  const provide = async (names, { privateOnly = false } = {}) => {
    /** @type {Record<string, string>} */
    const urls = {};
    /** @type {ServiceName[]} */
    const missing = [];
    await allOrFirstError(
      names.map(async (name) => {
        const url = privateOnly ? undefined : await findRunning(definitions[name], log);
        if (url === undefined) missing.push(name);
        else urls[definitions[name].variable] = url;
      }),
    );

    const inContainers = await startContainers(
      missing.filter((name) => name !== "postgres"),
      log,
    );
    for (const [name, service] of inContainers) urls[definitions[name].variable] = await own(service);

    const privately = missing.filter((name) => !inContainers.has(name));
    await installMissing(privately, log);
    await allOrFirstError(
      privately.map(async (name) => {
        const { title, variable, start, probe } = definitions[name];
        const url = await own(await start());
        urls[variable] = url;
        log(`${title} ${await probe(url)}: started a private one on port ${new URL(url).port}`);
      }),
    );
    return urls;
  };

  return {
    provide,
    async stop() {
      stopped = true;
      await Promise.all(started.splice(0).map((stop) => stop()));
    },
  };
}

/**
 * Like `Promise.all`, but rejects when all have settled: nothing is still being started or written after that.
 *
 * @param {Promise<void>[]} work
 */
async function allOrFirstError(work) {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * @param {ServiceDefinition} definition
 * @param {(line: string) => void} log
 * @returns {Promise<string | undefined>}
 */
async function findRunning({ title, variable, localUrls, probe }, log) {
  const named = process.env[variable];
  for (const url of named ? [named] : localUrls()) {
    const { host } = new URL(url);
    try {
      log(`${title} ${await probe(url)}: found at ${host}${named ? ` (${variable})` : ""}`);
      return url;
    } catch (error) {
      const reason = error instanceof Error ? error.message || ("code" in error ? error.code : error.name) : error;
      // Somebody who names a service means that one, so another one instead would be a surprise.
      if (named) throw new Error(`${title} does not answer at ${host}, where ${variable} says it is: ${reason}`);
    }
  }
  return undefined;
}

/**
 * @param {ServiceName[]} names
 * @param {(line: string) => void} log
 * @returns {Promise<Map<ServiceName, StartedService>>}
 */
async function startContainers(names, log) {
  if (names.length === 0 || !(await dockerAnswers())) return new Map();
  try {
    const services = await composeServices(names);
    for (const [name, { url }] of services) {
      const { title, probe } = definitions[name];
      log(`${title} ${await probe(url)}: started a container on port ${new URL(url).port}`);
    }
    return services;
  } catch (error) {
    log(
      `Docker answers, but could not start ${names.join(" and ")}: ${error instanceof Error ? error.message : error}`,
    );
    return new Map();
  }
}

/**
 * @param {ServiceName[]} names
 * @param {(line: string) => void} log
 */
async function installMissing(names, log) {
  const missing = names.map((name) => definitions[name]).filter(({ executable }) => executable() === undefined);
  if (missing.length === 0) return;
  log(`Installing ${missing.map(({ title }) => title).join(" and ")} …`);
  await installDebianPackages(
    missing.flatMap(({ debianPackages }) => debianPackages),
    missing.map(({ title, variable }) => `${title} (or set ${variable})`).join(" and "),
  );
}
