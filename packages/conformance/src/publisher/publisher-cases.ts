import { declarationCases } from "./declarations.js";
import { lifecycleCases } from "./lifecycle.js";
import { outageCases } from "./outages.js";
import { permissionCases } from "./permission.js";
import type { PublisherCase } from "./publisher-case.js";
import { publishingCases } from "./publishing.js";
import { refusalCases } from "./refusals.js";
import { timeOutCases } from "./time-outs.js";

/** Every case of the contract of `EventPublisher`, for `runCases` or a test runner of your own. */
export const publisherCases: readonly PublisherCase[] = [
  ...declarationCases,
  ...publishingCases,
  ...permissionCases,
  ...refusalCases,
  ...lifecycleCases,
  ...timeOutCases,
  ...outageCases,
];
