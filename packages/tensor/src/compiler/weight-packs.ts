import { gather } from "@lobule/kernels-wgsl";
import { apply } from "../graph/apply.js";
import { Arena, type Packing } from "../graph/flat-buffer.js";
import { type CallRequest, storageOf, type Tensor } from "../graph/tensor.js";
import { Variable, type VariableGroup } from "../graph/variable.js";
import { type Shape, sizeOf } from "../shape.js";
import type { Call } from "./calls.js";

/** Elements of a bound uniform range: 64 KiB whatever is used of it. */
const uniformRange = 16_384;

/** What repacking asks of the planner. */
interface Host {
  scratch(shape: Shape): Tensor;
  table(data: Uint32Array): Tensor;
  place(tensor: Tensor, arena: Arena, offset: number): void;
  finish(request: CallRequest, label: string): Call;
  /** Adds a call at the planner's place. */
  add(call: Call): void;
  addExpression(tensor: Tensor, output: Tensor): void;
}

/** Weights in the order in which kernels want them: each asked for once, those of variables repacked by one dispatch. */
export class WeightPacks {
  private readonly packs = new Map<string, Tensor>();
  private readonly arenas = new Map<VariableGroup, { arena: Arena; index: number[] }>();

  constructor(private readonly host: Host) {}

  packed(sources: readonly Tensor[], name: string, packing: () => Packing): Tensor {
    const bases = sources.map(storageOf);
    const key = `${name} ${bases.map((base) => base.id).join(" ")}`;
    const known = this.packs.get(key);
    if (known !== undefined) return known;
    const { length, source, index } = packing();
    const group = bases[0] instanceof Variable ? bases[0].group : undefined;
    const result = this.host.scratch([length + uniformRange]);
    this.packs.set(key, result);
    if (group !== undefined && bases.every((base) => base instanceof Variable && base.group === group)) {
      const pack = this.arenas.get(group) ?? { arena: new Arena("packed weights"), index: [] };
      this.arenas.set(group, pack);
      const offset = pack.arena.reserve(length);
      this.host.place(result, pack.arena, offset);
      const offsets = bases.map((base) => (base as Variable).offset);
      index.forEach((from, i) => {
        pack.index[offset + i] = from === 0xffffffff ? from : from + (offsets[source?.[i] ?? 0] as number);
      });
    } else this.packLoose(bases, result, { length, index, ...(source ? { source } : {}) });
    return result;
  }

  /** The dispatches at the start of a run, one for each group of variables. */
  calls(): Call[] {
    return [...this.arenas].map(([group, { arena, index }]) => this.packCall(group, arena, index));
  }

  private packLoose(bases: readonly Tensor[], result: Tensor, { length, source, index }: Packing): void {
    let from = bases[0] as Tensor;
    let offsets = [0];
    if (bases.length > 1) {
      const arena = new Arena("weights side by side");
      offsets = bases.map((base) => arena.reserve(sizeOf(base.shape)));
      bases.forEach((base, i) => {
        const part = apply(
          { kind: "pointwise", name: "copy", wgsl: ([a]) => `${a}` },
          [base],
          [{ shape: base.shape, dtype: "f32" }],
        )[0] as Tensor;
        this.host.place(part, arena, offsets[i] as number);
        this.host.addExpression(part, part);
      });
      from = this.host.scratch([arena.length]);
      this.host.place(from, arena, 0);
    }
    const table = index.map((at, i) => (at === 0xffffffff ? at : at + (offsets[source?.[i] ?? 0] as number)));
    this.host.add(
      this.host.finish(
        { kernel: gather(length), bindings: { source: from, table: this.host.table(table), output: result } },
        "pack weights",
      ),
    );
  }

  private packCall(group: VariableGroup, arena: Arena, index: readonly number[]): Call {
    const table = Uint32Array.from({ length: arena.length }, (_, i) => index[i] ?? 0xffffffff);
    const call = this.host.finish(
      { kernel: gather(arena.length), bindings: { source: group, table: this.host.table(table), output: arena } },
      "pack weights",
    );
    arena.reserve(uniformRange);
    return call;
  }
}
