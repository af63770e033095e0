/** How long a wait is polled without a pause, so that short ones stay short; then how long the pauses are. Milliseconds. */
const eager = 0.5;
const shortPause = 1;
const longPause = 2;
/** From here on a wait is a long one. Milliseconds. */
const long = 20;

export type Schedule = (callback: (...values: unknown[]) => void, ...values: unknown[]) => unknown;

export interface Clockwork {
  readonly immediate: Schedule;
  readonly pause: (callback: () => void, milliseconds: number) => unknown;
  /** Milliseconds. */
  readonly now: () => number;
  /** Whether a callback is Dawn's own. */
  readonly isDawn?: (callback: unknown) => boolean;
}

/** Dawn's own callback: a native function without a name, which no script can make (a bound one has a name). */
const isNative = (callback: unknown): boolean =>
  typeof callback === "function" &&
  callback.name === "" &&
  Function.prototype.toString.call(callback).includes("[native code]");

/**
 * A `setImmediate` that gives way to other work while Dawn waits. Dawn's binding for Node asks whether the GPU is done from
 * a `setImmediate` that schedules itself again for as long as a promise is pending: a core is busy with nothing, half of
 * a machine with two, and a software adapter computes on the same cores. Here it pauses between two questions, once a
 * wait lasts longer than half a millisecond. Callbacks of scripts are passed on as they are.
 */
export function patient({ immediate, pause, now, isDawn = isNative }: Clockwork): Schedule {
  /** Whether Dawn is asking at this moment: what it schedules then goes on with the same wait. */
  let asking = false;
  let began = 0;
  return (callback, ...values) => {
    if (!isDawn(callback)) return immediate(callback, ...values);
    if (!asking) began = now();
    const ask = (): void => {
      asking = true;
      try {
        callback(...values);
      } finally {
        asking = false;
      }
    };
    const waited = now() - began;
    return waited < eager ? immediate(ask) : pause(ask, waited < long ? shortPause : longPause);
  };
}

let installed = false;

/** Lets Dawn wait patiently in this process: it looks `setImmediate` up in the global object. */
export function waitPatiently(): void {
  if (installed) return;
  installed = true;
  const { setImmediate: immediate, setTimeout: timeout } = globalThis;
  const schedule = patient({
    immediate: (callback, ...values) => immediate(callback, ...values),
    pause: (callback, milliseconds) => timeout(callback, milliseconds),
    now: () => performance.now(),
  });
  // What hangs on the function, such as the form that util.promisify uses, stays.
  globalThis.setImmediate = Object.assign(schedule, immediate) as typeof immediate;
}
