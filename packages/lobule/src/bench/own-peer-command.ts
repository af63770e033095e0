import { createInterface } from "node:readline";
import { efforts, OwnPeer, type PeerRequest, type Started } from "@lobule/bench";
import { adapterChoice, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, number, withDefault } from "../command-line/option.js";
import { quietly } from "../shared/open-device.js";
import { sayJson, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";

const options = {
  precision: withDefault(choice(["f32", "f16"], "type in which activations are stored"), "f32"),
  recompute: flag("rematerialize cheap activations"),
  tune: withDefault(choice(efforts, "time the variants of the kernels first"), "off"),
  "tune-budget": withDefault(number("seconds that --tune may take", { above: 0 }), 60),
};
type OwnPeerArguments = Values<typeof options>;

/** What `lobule bench` runs in a process of its own, so that its memory is that of the steps alone. */
export const ownPeerCommand = command({ name: "bench-peer", options, run: serveOwnPeer });

async function serveOwnPeer({ precision, recompute, tune, tuneBudget }: OwnPeerArguments): Promise<void> {
  const device = await quietly(async () => Device.open(await openGpu()));
  try {
    const { name } = await adapterChoice();
    const options = {
      precision,
      recompute,
      tune,
      tuneBudget,
      now: () => performance.now(),
      residentBytes: () => process.resourceUsage().maxRSS * 1024,
      log: (line: string) => warn(line),
      progress: () => progress("timing kernels"),
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
    // An input that is still open would keep a process alive that has failed, and the one that waits for its answer.
    process.stdin.destroy();
    device.destroy();
  }
}
