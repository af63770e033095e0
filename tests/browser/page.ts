/** Calls a function of the page's worker, and waits for what it gives. */
const worker = new Worker("/worker.js", { type: "module" });
let last = 0;

Object.assign(globalThis, {
  call: (name: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const number = ++last;
      worker.addEventListener("message", ({ data }) => {
        if (data.number !== number) return;
        if ("error" in data) reject(new Error(data.error));
        else resolve(data.result);
      });
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ number, name, args });
    }),
});
