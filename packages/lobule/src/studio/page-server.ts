import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DataError, errorCode, reason } from "@lobule/data";
import type { BuiltPage } from "./built-page.js";

/** A word that nobody guesses: 192 bits. */
export const makeToken = (): string => randomBytes(24).toString("base64url");

/** Answers a request for a path below the page, such as "given/0". @returns whether there is something by that path. */
export type Answer = (path: string, response: ServerResponse) => boolean;

export interface PageServerOptions {
  /** Of 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The path that the page is served below: "/", or "/TOKEN/" where nobody else is to have it. */
  readonly base: string;
  /** What is there besides the page. */
  readonly answer: Answer;
}

/** A server of the page for this machine alone. */
export interface PageServer {
  /** Of the page, such as "http://127.0.0.1:4640/". */
  readonly address: string;
  /** Ends it, and all that is under way. */
  close(): Promise<void>;
}

/** Names of this machine; a page of another name that resolves to it (DNS rebinding) is refused. */
const ownNames = new Set(["127.0.0.1", "localhost"]);

/** Whether two texts are the same, in a time that does not tell how much of them is. */
export function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What keeps a request from being answered: a status and why; undefined where nothing does. */
function refusal(
  { method, headers, url = "" }: IncomingMessage,
  base: string,
): [status: number, why: string] | undefined {
  const host = headers.host ?? "";
  // A tunnel such as ssh -L has a port of its own, so that the name alone is looked at.
  if (!ownNames.has(host.replace(/:\d+$/, ""))) return [403, "this server is for 127.0.0.1 and localhost only"];
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return [403, "other pages may not read this one"];
  if (headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate")
    return [403, "other pages may not read this one"];
  if (method !== "GET") return [405, "this server only answers GET"];
  if (!sameText(url.slice(0, base.length), base)) return [403, "open the whole address that was printed"];
  return undefined;
}

/**
 * Serves the page on 127.0.0.1.
 * @throws DataError where the port cannot be had.
 */
export async function servePage(page: BuiltPage, { port, base, answer }: PageServerOptions): Promise<PageServer> {
  const server = createServer((request, response) => {
    protect(response, page.policy);
    const refused = refusal(request, base);
    if (refused !== undefined) return sayInstead(response, ...refused);
    const path = (request.url ?? "").slice(base.length).replace(/[?#].*$/s, "");
    const file = page.files.get(path === "" ? "index.html" : path);
    if (file !== undefined) {
      response.setHeader("content-type", file.type);
      response.setHeader("content-length", file.bytes.length);
      response.end(file.bytes);
    } else if (!answer(path, response)) sayInstead(response, 404, "there is no such file");
  });
  const taken = await listen(server, port);
  return {
    address: `http://127.0.0.1:${taken}${base}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function protect(response: ServerResponse, policy: string): void {
  response.setHeader("content-security-policy", `${policy}; frame-ancestors 'none'`);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("cache-control", "no-cache");
}

function sayInstead(response: ServerResponse, status: number, why: string): void {
  response.statusCode = status;
  if (status === 405) response.setHeader("allow", "GET");
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(`${why}\n`);
}

/** @returns the port. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const why = errorCode(error) === "EADDRINUSE" ? "another program has it" : reason(error);
      reject(new DataError(`port ${port} cannot be opened: ${why}; name another, or 0 for a free one`));
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
