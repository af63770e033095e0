// The reference network for prediction as an ONNX model, made from its start values by name.
import proto from "onnx-proto";

const { onnx } = proto;
const float = onnx.TensorProto.DataType.FLOAT;

/** Attributes of operators. */
const whole = (name, ...values) => ({ name, type: onnx.AttributeProto.AttributeType.INTS, ints: values });
const one = (name, i) => ({ name, type: onnx.AttributeProto.AttributeType.INT, i });
const real = (name, f) => ({ name, type: onnx.AttributeProto.AttributeType.FLOAT, f });

/**
 * The bytes of a model that takes `image` [N, 1, H, W] and gives `logits` [N, 3, H, W].
 * @param tensors name → { shape, data }, float32.
 */
export function onnxModel(tensors, [batch, channels, height, width]) {
  const nodes = [];
  const initializers = [...tensors].map(([name, { shape, data }]) => ({
    name,
    dims: shape,
    dataType: float,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  const apply = (opType, inputs, attributes = []) => {
    const output = `${opType}-${nodes.length}`;
    nodes.push({ opType, input: inputs, output: [output], attribute: attributes });
    return output;
  };
  const optional = (name) => (tensors.has(name) ? [name] : []);
  const convolution = (x, name) => {
    const kernel = tensors.get(`${name}.weight`).shape.slice(2);
    const edge = (kernel[0] - 1) / 2;
    const inputs = [x, `${name}.weight`, ...optional(`${name}.bias`)];
    return apply("Conv", inputs, [whole("kernel_shape", ...kernel), whole("pads", edge, edge, edge, edge)]);
  };
  const normalized = (x, name) => {
    const values = ["weight", "bias", "running_mean", "running_var"].map((each) => `${name}.${each}`);
    return apply("BatchNormalization", [x, ...values], [real("epsilon", 1e-5)]);
  };
  const relu = (x) => apply("Relu", [x]);
  const block = (x, name) => {
    const main = relu(normalized(convolution(x, `${name}.conv1`), `${name}.bn1`));
    const y = normalized(convolution(main, `${name}.conv2`), `${name}.bn2`);
    return relu(apply("Add", [y, tensors.has(`${name}.shortcut.weight`) ? convolution(x, `${name}.shortcut`) : x]));
  };
  const halves = [whole("kernel_shape", 2, 2), whole("strides", 2, 2)];
  const skips = [];
  let x = "image";
  for (let level = 0; level < 4; level++) {
    x = block(x, `encoder.${level}`);
    skips.push(x);
    x = apply("MaxPool", [x], halves);
  }
  x = block(x, "bridge");
  for (let level = 0; level < 4; level++) {
    const name = `decoder.${level}`;
    const skip = skips.pop();
    const up = apply("ConvTranspose", [x, `${name}.up.weight`, `${name}.up.bias`], halves);
    const joined = apply("Add", [convolution(skip, `${name}.gate.wx`), convolution(up, `${name}.gate.wg`)]);
    const alpha = apply("Sigmoid", [convolution(relu(joined), `${name}.gate.psi`)]);
    x = block(apply("Concat", [apply("Mul", [alpha, skip]), up], [one("axis", 1)]), `${name}.block`);
  }
  x = convolution(x, "head");
  nodes.push({ opType: "Identity", input: [x], output: ["logits"] });
  const image = (name, shape) => ({
    name,
    type: { tensorType: { elemType: float, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  });
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ version: 17 }],
    graph: {
      name: "AttentionResUNet",
      node: nodes,
      initializer: initializers,
      input: [image("image", [batch, channels, height, width])],
      output: [image("logits", [batch, tensors.get("head.weight").shape[0], height, width])],
    },
  }).finish();
}
