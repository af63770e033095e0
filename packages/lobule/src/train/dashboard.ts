import type { RunEvent } from "@lobule/report";
import { pageFolder } from "../page-folder.js";
import { readBuiltPage } from "../studio/built-page.js";
import { LiveFeed } from "../studio/live-feed.js";
import { makeToken, servePage } from "../studio/page-server.js";

/** A page of this machine that shows a run while it trains. */
export interface Dashboard {
  /** Holds a token without which nothing is answered. */
  readonly address: string;
  /** Takes note of what happened to the run; never throws or waits. */
  readonly send: (event: RunEvent) => void;
  close(): Promise<void>;
}

/** @throws DataError where the page is not built or the port cannot be had. */
export async function openDashboard(port: number): Promise<Dashboard> {
  const page = await readBuiltPage(pageFolder);
  const feed = new LiveFeed();
  const { address, close } = await servePage(page, { port, base: `/${makeToken()}/`, answer: feed.answer });
  return { address: `${address}#live`, send: feed.send, close };
}
