import { request } from "node:http";
import { connect } from "node:net";
import { emptyView, type RunEvent, type RunView, viewAfter } from "@lobule/report";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LiveFeed } from "./live-feed.js";
import { makeToken, type PageServer, servePage } from "./page-server.js";
import { get } from "./testing.js";

const page = { policy: "default-src 'self'", files: new Map() };
const noteOf = (i: number, length = 1): RunEvent => ({ kind: "note", text: `${i} `.repeat(length) });
const pace = (step: number): RunEvent => ({
  kind: "pace",
  pace: { epoch: 0, step, steps: 9, slicesPerSecond: 1, waitedShare: 0, secondsLeft: 1, liveBytes: step },
});

let feed: LiveFeed;
let server: PageServer;
let base: string;
beforeEach(async () => {
  feed = new LiveFeed();
  base = `/${makeToken()}/`;
  server = await servePage(page, { port: 0, base, answer: feed.answer });
});
afterEach(() => server.close());

/** Watches as a page does: what it sees after each event. */
function watch(): { readonly views: RunView[]; pause(): void; resume(): void; end(): void } {
  const { hostname, port } = new URL(server.address);
  const views: RunView[] = [];
  let text = "";
  const asked = request({ hostname, port, path: `${base}live` }, (response) => {
    asked.on("pause", () => response.pause());
    asked.on("resume", () => response.resume());
    response.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, name, data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        const value: unknown = JSON.parse(data);
        views.push(name === "view" ? (value as RunView) : viewAfter(views.at(-1) ?? emptyView, value as RunEvent));
      }
    });
    response.on("error", () => undefined);
  });
  asked.on("error", () => undefined);
  asked.end();
  return {
    views,
    pause: () => asked.emit("pause"),
    resume: () => asked.emit("resume"),
    end: () => asked.destroy(),
  };
}

describe("pages that watch a run", () => {
  test("see all that is known at once, and then what happens", async () => {
    feed.send(noteOf(1));
    const first = watch();
    await expect.poll(() => first.views.length).toBe(1);
    feed.send(pace(3));
    const second = watch();
    await expect.poll(() => second.views.length).toBe(1);
    feed.send(noteOf(2));
    const expected = [noteOf(1), pace(3), noteOf(2)].reduce(viewAfter, emptyView);
    await expect.poll(() => first.views.at(-1)).toEqual(expected);
    await expect.poll(() => second.views.at(-1)).toEqual(expected);
    expect(first.views).toHaveLength(3);
  });

  test("that read slowly hold nothing up, and see everything once they have read", async () => {
    const slow = watch();
    await expect.poll(() => slow.views.length).toBe(1);
    slow.pause();
    const began = performance.now();
    // Far more than the system keeps for a connection.
    for (let i = 0; i < 400; i++) feed.send(pace(i));
    for (let i = 0; i < 64; i++) feed.send(noteOf(i, 100_000));
    for (let i = 400; i < 4000; i++) feed.send(pace(i));
    expect(performance.now() - began).toBeLessThan(5000);
    slow.resume();
    await expect.poll(() => slow.views.at(-1)?.pace?.step, { timeout: 30_000 }).toBe(3999);
    expect(slow.views.at(-1)?.notes).toHaveLength(64);
    expect(slow.views.length).toBeLessThan(4000);
  });

  test("that go away in the middle are forgotten", async () => {
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write(`GET ${base}live HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await new Promise((read) => socket.once("data", read));
    socket.resetAndDestroy();
    for (let i = 0; i < 100; i++) feed.send(noteOf(i, 10_000));
    const next = watch();
    await expect.poll(() => next.views.at(-1)?.notes.length).toBe(100);
    next.end();
  });

  test("are refused without the token, from another page, and beyond sixteen", async () => {
    expect(await get(server.address, "/live")).toMatchObject({ status: 403 });
    expect(await get(server.address, `/${makeToken()}/live`)).toMatchObject({ status: 403 });
    expect(await get(server.address, `${base}live`, { origin: "http://evil.example" })).toMatchObject({ status: 403 });
    expect(await get(server.address, `${base}live`, { host: "evil.example" })).toMatchObject({ status: 403 });
    const watching = Array.from({ length: 16 }, watch);
    await expect.poll(() => watching.every(({ views }) => views.length === 1)).toBe(true);
    expect(await get(server.address, `${base}live`)).toMatchObject({ status: 503 });
    watching[0]?.end();
    await expect
      .poll(async () => {
        const more = watch();
        await new Promise((soon) => setTimeout(soon, 50));
        more.end();
        return more.views.length;
      })
      .toBe(1);
  });
});
