import type { ServerResponse } from "node:http";
import { emptyView, type RunEvent, type RunView, viewAfter } from "@lobule/report";
import type { Answer } from "./page-server.js";

/** Pages that may watch at a time. */
const most = 16;

/**
 * Tells pages what happens to a run, as server-sent events: `view`, all that is known, to each that begins to watch, and
 * then `change`, each event of the run. Nothing is kept for a page that reads slowly: it misses events, and gets all that
 * is known once it has read what was sent.
 */
export class LiveFeed {
  private view: RunView = emptyView;
  /** Those who watch, and whether they have missed something. */
  private readonly watchers = new Map<ServerResponse, { behind: boolean }>();

  /** Takes note of what happened. It never throws, and never waits. */
  readonly send = (event: RunEvent): void => {
    this.view = viewAfter(this.view, event);
    if (this.watchers.size === 0) return;
    const text = frame("change", event);
    for (const [response, watcher] of this.watchers) {
      if (response.writableNeedDrain) watcher.behind = true;
      else response.write(text);
    }
  };

  /** Answers the path "live". */
  readonly answer: Answer = (path, response) => {
    if (path !== "live") return false;
    if (this.watchers.size >= most) {
      response.statusCode = 503;
      response.end("too many pages watch this run already; close one\n");
      return true;
    }
    const watcher = { behind: false };
    this.watchers.set(response, watcher);
    response.on("close", () => this.watchers.delete(response));
    response.on("error", () => this.watchers.delete(response));
    response.on("drain", () => {
      if (!watcher.behind) return;
      watcher.behind = false;
      response.write(frame("view", this.view));
    });
    response.setHeader("content-type", "text/event-stream");
    response.setHeader("cache-control", "no-store");
    response.write(frame("view", this.view));
    return true;
  };
}

/** An event as it is sent. JSON has no line ends. */
const frame = (name: "view" | "change", value: RunEvent | RunView): string =>
  `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
