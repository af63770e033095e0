import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { unzipFolder } from "@lobule/web";
import type { Page } from "playwright-core";
import { phantom } from "../browser/phantom.js";

/** Minutes, since a browser on two busy cores compiles every kernel. */
const patience = 300_000;

/** What a test does on the place Train, as a user would. */
export class TrainPage {
  constructor(
    private readonly page: Page,
    /** For downloads. */
    private readonly folder: string,
  ) {}

  /** Opens the place, and gives up the run that it shows. */
  async open(): Promise<void> {
    await this.page.getByRole("navigation").getByRole("link", { name: "Train" }).click();
  }

  /** Writes the phantom that Node has too, and takes it. */
  async makePhantom(): Promise<void> {
    const { page } = this;
    await page.getByText("Sizes of the phantom").click();
    const { cases, size, slices, seed } = phantom;
    const [fewest, most] = slices ?? [0, 0];
    const sizes: readonly (readonly [string, number | undefined])[] = [
      ["Patients", cases],
      ["Pixels along an edge", size],
      ["Fewest slices", fewest],
      ["Most slices", most],
      ["Seed", seed],
    ];
    for (const [label, value] of sizes) await page.getByLabel(label, { exact: true }).fill(String(value));
    await page.getByRole("button", { name: "Try it on a phantom" }).click();
    await this.verified();
  }

  /** Waits until the data are verified. */
  async verified(): Promise<void> {
    await this.page.getByRole("button", { name: "Start training" }).waitFor({ timeout: patience });
  }

  /** Takes data that the browser has. */
  async take(name: string): Promise<void> {
    const click = this.page.getByRole("button", { name: `Train on ${name}`, exact: true }).click({ timeout: 60_000 });
    await click.catch(async (error: unknown) => {
      throw new Error(`no data ${name}: ${await this.page.locator("main").textContent()}`, { cause: error });
    });
    await this.verified();
  }

  /** Removes data that the browser has, from the list of them. */
  async removeData(name: string): Promise<void> {
    await this.page.getByRole("button", { name: `Remove ${name}`, exact: true }).click();
    await this.page.getByRole("button", { name: `Remove ${name}: yes` }).click();
  }

  /** Enters settings by their labels; those that are folded are unfolded. */
  async enter(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const { page } = this;
    const folded = page.locator("details:not([open]) > summary");
    while ((await folded.count()) > 0) await folded.first().click();
    for (const [label, value] of Object.entries(settings)) {
      const field = page.getByLabel(label, { exact: true });
      if ((await field.evaluate(({ tagName }) => tagName)) === "SELECT") await field.selectOption(String(value));
      else await field.fill(String(value));
    }
  }

  /** Begins the run. */
  async start(name: string): Promise<void> {
    await this.page.getByLabel("Name of the run").fill(name);
    await this.page.getByRole("button", { name: "Start training" }).click();
    await this.page.getByRole("heading", { name, level: 1 }).waitFor({ timeout: patience });
  }

  async resume(name: string): Promise<void> {
    await this.page.getByRole("button", { name: `Resume ${name}`, exact: true }).click();
  }

  /** Waits until the run that is shown has done a step. @throws Error with what the page says instead. */
  async step(number: number): Promise<void> {
    const reached = this.page.waitForFunction(
      (least) => Number(/step (\d+) of/.exec(document.querySelector("main")?.textContent ?? "")?.[1]) >= least,
      number,
      { timeout: patience },
    );
    await reached.catch(async (error: unknown) => {
      throw new Error(`no step ${number}: ${await this.page.locator("main").textContent()}`, { cause: error });
    });
  }

  /** Steps of the run that is shown, of the whole run. */
  async steps(): Promise<number> {
    const text = await this.page.getByLabel("Progress", { exact: true }).textContent();
    return Number(/step (\d+) of/.exec(text ?? "")?.[1] ?? Number.NaN);
  }

  /** Waits until the run that is shown has ended, and gives the sentence that says how. */
  async ended(): Promise<string> {
    await this.page.getByRole("button", { name: "All runs" }).waitFor({ timeout: patience });
    return (await this.page.locator("main [role=status]").textContent()) ?? "";
  }

  async allRuns(): Promise<void> {
    await this.page.getByRole("button", { name: "All runs" }).click();
  }

  /** The numbers of a chart, by step. */
  async numbers(chart: string, column: string): Promise<Map<number, number>> {
    const figure = this.page.locator("figure", { has: this.page.getByRole("heading", { name: chart, exact: true }) });
    if ((await figure.locator("table").count()) === 0) await figure.getByText("Numbers").click();
    await figure.locator("table").waitFor();
    const heads = await figure.locator("thead th").allTextContents();
    const at = heads.indexOf(column);
    const rows = await figure
      .locator("tbody tr")
      .evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
    return new Map(rows.flatMap((cells) => (cells[at] ? [[Number(cells[0]), Number(cells[at])] as const] : [])));
  }

  /** Downloads a run from the list, and unpacks it. @returns the folder. */
  async download(name: string, as: string): Promise<string> {
    const zip = await this.zip(name);
    const folder = join(this.folder, as);
    await unzipFolder(nodeStorage, await readFile(zip), folder);
    return folder;
  }

  /** Downloads a run from the list. @returns the file. */
  async zip(name: string): Promise<string> {
    const downloading = this.page.waitForEvent("download");
    await this.page.getByRole("button", { name: `Download ${name} as a zip`, exact: true }).click();
    const path = join(this.folder, `${name}.zip`);
    await (await downloading).saveAs(path);
    return path;
  }
}

/** The phantom in Node's files. */
export async function phantomInNode(folder: string): Promise<string> {
  const data = join(folder, "data");
  await writePhantom(nodeStorage, data, { ...phantom, testCases: 1 });
  return data;
}

/** The configuration of a run that was unpacked, with data where Node has them. */
export async function configFor(run: string, data: string, path: string): Promise<void> {
  const config: unknown = JSON.parse(await readFile(join(run, "config.json"), "utf8"));
  await writeFile(path, JSON.stringify({ ...(config as object), data }));
}
