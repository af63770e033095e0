import type { Device } from "@lobule/tensor";
import { ModelError, readModel, type SavedModel, SlicePredictor } from "@lobule/train";
import type { Means } from "./means.js";
import { bundledModel, fetchBundled, type ModelChoice } from "./models.js";

/** A model and what labels slices with it. */
export interface OpenModel {
  readonly saved: SavedModel;
  readonly predictor: SlicePredictor;
}

interface Opened extends OpenModel {
  readonly device: Device;
  readonly key: string;
}

/** The model that was used last, so that its kernels are compiled once. */
export class ModelInUse {
  private opened: Opened | undefined;

  constructor(private readonly means: Means) {}

  /** @param address of the model that comes with the page. @throws ModelError where it cannot be used. */
  async open({ path }: ModelChoice, address: string, mirror: boolean): Promise<OpenModel> {
    const [storage, device] = [await this.means.storage(), await this.means.device()];
    if (path === bundledModel.path) await fetchBundled(storage, address);
    const saved = await readModel(storage, path);
    const { channels } = saved.description;
    if (channels !== undefined) {
      throw new ModelError(
        `this model takes images of ${channels.length} channels (${channels.map(({ name }) => name).join(", ")}), and the studio opens scans of one; the command npx lobule segment takes several`,
      );
    }
    const key = `${saved.sha256} ${mirror}`;
    if (this.opened?.key === key && this.opened.device === device) {
      return { saved, predictor: this.opened.predictor };
    }
    await this.opened?.predictor.close();
    const predictor = new SlicePredictor(device, saved, { mirror });
    this.opened = { saved, predictor, device, key };
    return this.opened;
  }
}
