type Settings = Readonly<Record<string, unknown>>;

/**
 * A configuration of plans that were written before 2024, which name the network's parts one by one, in the present form;
 * any other one as it is. What is not there stays out, so that it is missed under its present name.
 */
export function formerArchitecture(settings: Settings): Settings {
  const { UNet_class_name: name, UNet_base_num_features: base, unet_max_num_features: most } = settings;
  if ("architecture" in settings || typeof name !== "string") return settings;
  const kernels: unknown = settings.conv_kernel_sizes;
  const count = Array.isArray(kernels) ? kernels.length : 0;
  const isSized = typeof base === "number" && typeof most === "number";
  return {
    ...settings,
    architecture: {
      network_class_name: name,
      arch_kwargs: {
        n_stages: count,
        features_per_stage: isSized
          ? Array.from({ length: count }, (_, i) => Math.min(base * 2 ** i, most))
          : undefined,
        conv_op: "Conv2d",
        kernel_sizes: kernels,
        strides: settings.pool_op_kernel_sizes,
        [name === "ResidualEncoderUNet" ? "n_blocks_per_stage" : "n_conv_per_stage"]: settings.n_conv_per_stage_encoder,
        n_conv_per_stage_decoder: settings.n_conv_per_stage_decoder,
        conv_bias: true,
        norm_op: "InstanceNorm2d",
        norm_op_kwargs: { affine: true },
        dropout_op: null,
        nonlin: "LeakyReLU",
      },
    },
  };
}
