import { createInterface } from "node:readline";
import { adapterChoice, openGpu } from "@lobule/node-gpu";
import { Device } from "@lobule/tensor";
import type { CommandModule } from "yargs";
import { sayJson } from "../shared/output.js";
import { type Effort, efforts } from "../tune/tune-kernels.js";
import { OwnPeer } from "./own-peer.js";
import type { PeerRequest, Started } from "./peer-protocol.js";

interface OwnPeerArguments {
  readonly precision: "f32" | "f16";
  readonly recompute: boolean;
  readonly tune: Effort;
}

/** What `lobule bench` runs in a process of its own, so that its memory is that of the steps alone. */
export const ownPeerCommand: CommandModule<object, OwnPeerArguments> = {
  command: "bench-peer",
  describe: false,
  builder: (parser) =>
    parser
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32" })
      .option("recompute", { type: "boolean", default: false })
      .option("tune", { choices: efforts, default: "off" }) as never,
  handler: serveOwnPeer,
};

async function serveOwnPeer({ precision, recompute, tune }: OwnPeerArguments): Promise<void> {
  const device = await Device.open(await openGpu());
  try {
    const { name } = await adapterChoice();
    const options = {
      ...{ precision, recompute, tune, now: () => performance.now() },
      residentBytes: () => process.resourceUsage().maxRSS * 1024,
    };
    let peer: OwnPeer | undefined;
    const answerTo = async (request: PeerRequest): Promise<unknown> => {
      if (request.do === "start") {
        peer = await OwnPeer.start(device, options, request);
        const started: Started = {
          version: "",
          threads: 0,
          description: `Lobule, ${precision}${recompute ? " recomputed" : ""}, ${name}`,
        };
        return started;
      }
      if (peer === undefined) throw new Error(`'${request.do}' came before 'start'`);
      if (request.do === "step") return peer.step(request);
      if (request.do === "forward") return peer.forward(request);
      if (request.do === "volume") return peer.volume(request);
      return peer.memory();
    };
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line) as PeerRequest;
      sayJson(JSON.stringify(await answerTo(request)));
      if (request.do === "end") break;
    }
  } finally {
    device.destroy();
  }
}
