/**
 * "1 case", "2 cases", "1,482 slices".
 * @param things what several are called, where that is more than an s.
 */
export const plural = (count: number, thing: string, things = `${thing}s`): string =>
  `${count.toLocaleString("en-US")} ${count === 1 ? thing : things}`;
