/** The oldest runtime that knows opset 17 and has its program in its package comes without types; it has these. */
declare module "onnxruntime-node" {
  export * from "onnxruntime-web";
}
