/** Answers the page's calls, in a worker, by functions. */
export function answerCalls(functions: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  self.onmessage = async ({ data: { number, name, args } }) => {
    try {
      const result = await functions[name]?.(...(args as never[]));
      self.postMessage({ number, result });
    } catch (error) {
      self.postMessage({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
}
