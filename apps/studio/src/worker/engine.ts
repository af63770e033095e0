import type { Storage } from "@lobule/data";
import { Device } from "@lobule/tensor";
import { openGpu, openStorage } from "@lobule/web";
import { proxy } from "comlink";
import { adapterChoiceOf, requestOf } from "./adapter-choice.js";
import { Benching } from "./benching.js";
import { Comparing } from "./comparing.js";
import { Correcting } from "./correcting.js";
import { describeDevice, describeStorage } from "./describe.js";
import { KeptFiles } from "./kept-files.js";
import type { Means } from "./means.js";
import { ModelInUse } from "./model-in-use.js";
import { Receiving } from "./receiving.js";
import { Runs } from "./runs.js";
import { Segmenting } from "./segmenting.js";
import { Tasks } from "./tasks.js";
import { Training } from "./training.js";

/**
 * What a worker does for the page: one storage and one device, and what is done with them, by place. The page starts one
 * for what is quick and one for training, so that neither waits for the other.
 */
export class Engine implements Means {
  private opened: Promise<Device> | undefined;
  private files: Promise<Storage> | undefined;
  readonly runs = proxy(new Runs(this));
  readonly receiving = proxy(new Receiving(this));
  readonly benching = proxy(new Benching(this));
  readonly comparing = proxy(new Comparing(this));
  private readonly model = new ModelInUse(this);
  readonly segmenting = proxy(new Segmenting(this, this.model));
  readonly correcting = proxy(new Correcting(this, this.model));
  readonly keptFiles = proxy(new KeptFiles(this));
  readonly tasks = proxy(new Tasks(this));
  readonly training = proxy(new Training(this));

  /** @param search the part of an address after "?", which may choose the adapter. */
  constructor(private readonly search: string) {}

  storage(): Promise<Storage> {
    this.files ??= openStorage();
    return this.files;
  }

  device(): Promise<Device> {
    if (this.opened !== undefined) return this.opened;
    const opening = this.open();
    this.opened = opening;
    // A device that is gone, or could not be had, is asked for anew.
    const forget = (): void => {
      if (this.opened === opening) this.opened = undefined;
    };
    opening.then((device) => device.gpu.lost.then(forget), forget);
    return opening;
  }

  /** The adapter of this browser, in words and numbers. */
  async describeDevice() {
    return describeDevice(await this.device());
  }

  /** What this browser keeps for the page, and how much it may keep. */
  async describeStorage() {
    return describeStorage();
  }

  private async open(): Promise<Device> {
    const request = requestOf(adapterChoiceOf(this.search));
    return Device.open(await openGpu(request), request);
  }
}
