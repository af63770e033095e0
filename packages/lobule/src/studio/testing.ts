import { type IncomingHttpHeaders, request } from "node:http";

export interface Got {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Asks a server for a path as it is written: unlike fetch, it changes neither the path nor the headers. */
export function get(
  address: string,
  path: string,
  { method = "GET", ...headers }: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers }, async (response) => {
      try {
        const chunks: Uint8Array[] = [];
        for await (const chunk of response) chunks.push(chunk as Uint8Array);
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    asked.on("error", reject);
    asked.end();
  });
}
