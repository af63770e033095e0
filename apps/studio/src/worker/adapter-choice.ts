/** Which of the browser's adapters is asked for: `?adapter=` of the page's address. */
export const adapterChoices = ["high-performance", "low-power", "fallback"] as const;
export type AdapterChoice = (typeof adapterChoices)[number];

/**
 * The adapter that an address asks for; undefined where it asks for none.
 * @throws Error when it asks for one that does not exist.
 */
export function adapterChoiceOf(search: string): AdapterChoice | undefined {
  const asked = new URLSearchParams(search).get("adapter");
  if (asked === null) return undefined;
  const known = adapterChoices.find((choice) => choice === asked);
  if (known !== undefined) return known;
  throw new Error(
    `The page's address asks for the adapter "${asked}"; ?adapter= takes ${adapterChoices.slice(0, -1).join(", ")} or ${adapterChoices.at(-1)}.`,
  );
}

/** What WebGPU is asked for. */
export function requestOf(choice: AdapterChoice | undefined): GPURequestAdapterOptions {
  if (choice === undefined) return {};
  return choice === "fallback" ? { forceFallbackAdapter: true } : { powerPreference: choice };
}
