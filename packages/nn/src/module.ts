import { type SafetensorsTensor, Variable } from "@lobule/tensor";

/** One variable's values under its name, as safetensors holds them. */
export type StateEntry = Extract<SafetensorsTensor, { readonly dtype: "F32" }>;

/** The values of a module's variables by name. */
export type StateDict = Map<string, StateEntry>;

/** A state dict that does not fit a module; one line a problem, each with what to do. */
export class StateDictError extends Error {
  override readonly name = "StateDictError";
}

/** Problems that an error lists in full. */
const listedProblems = 8;

/**
 * A part of a network. Its fields are its content: variables, modules and lists of modules are found by walking them in
 * the order of their declaration, and their dotted names are the names of the state dict.
 */
export abstract class Module {
  /** Whether batch statistics normalize (and update the running ones). Set it with {@link train} and {@link eval}. */
  training = true;

  /** The modules directly below, by field name (`encoder.0` for a list's first). */
  namedChildren(): Map<string, Module> {
    const children = new Map<string, Module>();
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Module) children.set(field, value);
      else if (Array.isArray(value)) {
        value.forEach((each: unknown, i) => {
          if (each instanceof Module) children.set(`${field}.${i}`, each);
        });
      }
    }
    return children;
  }

  /** This module under the empty name, then all below it by dotted name. */
  namedModules(prefix = ""): Map<string, Module> {
    const modules = new Map<string, Module>([[prefix, this]]);
    for (const [name, child] of this.namedChildren()) {
      for (const [below, module] of child.namedModules(join(prefix, name))) modules.set(below, module);
    }
    return modules;
  }

  /** Every variable by its state-dict name, parameters and running statistics alike. */
  namedVariables(): Map<string, Variable> {
    const variables = new Map<string, Variable>();
    for (const [path, module] of this.namedModules()) {
      for (const value of Object.values(module)) {
        if (value instanceof Variable) variables.set(join(path, value.name.split(".").at(-1) ?? value.name), value);
      }
    }
    return variables;
  }

  /** What an optimizer trains, by state-dict name. */
  namedParameters(): Map<string, Variable> {
    return new Map([...this.namedVariables()].filter(([, { role }]) => role === "parameter"));
  }

  parameters(): Variable[] {
    return [...new Set(this.namedParameters().values())];
  }

  /** State that training changes without gradients: running statistics. */
  buffers(): Variable[] {
    return [...new Set(this.namedVariables().values())].filter(({ role }) => role !== "parameter");
  }

  /** Sets this module and all below it to training, or with `false` to inference. Affects graphs that are built later. */
  train(training = true): this {
    for (const module of this.namedModules().values()) module.training = training;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** The present values of every variable, in the order of the fields. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const [name, variable] of this.namedVariables()) {
      state.set(name, { dtype: "F32", shape: variable.shape, data: await variable.read() });
    }
    return state;
  }

  /**
   * Replaces the values of every variable. Nothing is changed when anything does not fit.
   * @throws StateDictError for unknown and missing names, wrong shapes and element types other than F32.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>): void {
    const variables = this.namedVariables();
    const problems: string[] = [];
    for (const name of state.keys()) {
      if (!variables.has(name)) {
        problems.push(
          `'${name}' is unknown to this ${this.constructor.name}: build it with the options that the state was saved with, or leave the entry out.`,
        );
      }
    }
    const values = new Map<Variable, Float32Array>();
    for (const [name, variable] of variables) {
      const entry = state.get(name);
      const wanted = print(variable.shape);
      if (entry === undefined) {
        problems.push(`'${name}' ${wanted} is missing: take a state that was saved from the same network.`);
      } else if (entry.dtype !== "F32") {
        problems.push(`'${name}' has element type ${entry.dtype}, expected F32: convert it first.`);
      } else if (print(entry.shape) !== wanted) {
        problems.push(
          `'${name}' has shape ${print(entry.shape)}, this ${this.constructor.name} needs ${wanted}: build it with the options that the state was saved with.`,
        );
      } else values.set(variable, entry.data);
    }
    if (problems.length > 0) {
      const rest = problems.length - listedProblems;
      throw new StateDictError(
        [...problems.slice(0, listedProblems), ...(rest > 0 ? [`… and ${rest} more.`] : [])].join("\n"),
      );
    }
    for (const [variable, data] of values) variable.write(data);
  }
}

const join = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);
const print = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
