import type { Means } from "./means.js";

/** Compares runs that this browser has. */
export class Comparing {
  constructor(private readonly means: Means) {}
  async runs(): Promise<readonly string[]> {
    return (await this.means.storage()).list("/runs");
  }
}
