import * as nn from "@lobule/nn";
import * as tensor from "@lobule/tensor";

/**
 * What a model's own code may import besides `defineModel`: one copy of each, so that its modules are ours. They are a file
 * by themselves because a page that may not run code from text can leave them out.
 */
export const ownModules: Readonly<Record<string, unknown>> = { "@lobule/tensor": tensor, "@lobule/nn": nn };
