/** Answers the page's calls, in a worker, by functions. */
export function answerCalls(functions: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  self.onmessage = async ({ data: { number, name, args } }) => {
    try {
      const answer = functions[name];
      if (answer === undefined) throw new Error(`the worker has no function ${name}`);
      // What arrives from the page has no types; each function has its own.
      const result = await Reflect.apply(answer, undefined, args);
      self.postMessage({ number, result });
    } catch (error) {
      self.postMessage({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
}
