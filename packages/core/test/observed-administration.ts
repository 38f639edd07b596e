import type { BaseEvent } from "../src/events/outbox-event.js";
import type { EventAdministration } from "../src/protocols/event-administration.js";

type Method = keyof EventAdministration<BaseEvent>;
type Fault = (carryOut: () => Promise<unknown>) => Promise<unknown>;

/** An administration whose calls are written down, with faults on request. */
export interface ObservedAdministration<E extends BaseEvent> extends EventAdministration<E> {
  readonly calls: { readonly method: Method; readonly args: readonly unknown[] }[];
  /** Arguments of the calls of one method. */
  argsOf(method: Method): readonly (readonly unknown[])[];
  onNext(method: Method, fault: Fault): void;
  failNext(method: Method, error: unknown, times?: number): void;
}

export function observeAdministration<E extends BaseEvent>(
  administration: EventAdministration<E>,
): ObservedAdministration<E> {
  const calls: ObservedAdministration<E>["calls"] = [];
  const faults: { readonly method: Method; readonly fault: Fault }[] = [];
  const onNext = (method: Method, fault: Fault) => void faults.push({ method, fault });
  const methods = Object.fromEntries(
    (Object.keys(administration) as Method[]).map((method) => [
      method,
      (...args: unknown[]): Promise<unknown> => {
        calls.push({ method, args });
        const carryOut = () => (administration[method] as (...given: unknown[]) => Promise<unknown>)(...args);
        const index = faults.findIndex((planned) => planned.method === method);
        const [planned] = index < 0 ? [] : faults.splice(index, 1);
        return planned === undefined ? carryOut() : planned.fault(carryOut);
      },
    ]),
  );
  return {
    ...(methods as unknown as EventAdministration<E>),
    calls,
    argsOf: (method) => calls.filter((call) => call.method === method).map(({ args }) => args),
    onNext,
    failNext(method, error, times = 1) {
      for (let index = 0; index < times; index += 1) onNext(method, () => Promise.reject(error));
    },
  };
}
