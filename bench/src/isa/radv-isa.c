// Compiles SPIR-V compute shaders for an AMD GPU that need not be there (Mesa's RADV with its null device) and prints, a
// line of JSON a file, what the driver's compiler says of the result. With ACO_DEBUG=perfinfo the machine code goes to
// standard error, each file's after a line "#### FILE".
//
//   RADV_FORCE_FAMILY=navi31 VK_DRIVER_FILES=/usr/share/vulkan/icd.d/radeon_icd.json radv-isa FILE.spv...
//
// Exit code 1 with a sentence on any failure.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define SETS 4
#define BINDINGS 64
#define FEATURES(name) VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##name##_FEATURES

static void fail(const char *what, const char *of, int code) {
  fprintf(stderr, "radv-isa: %s %s (%d)\n", what, of, code);
  exit(1);
}

static void check(VkResult result, const char *call) {
  if (result < 0) fail(call, "failed", result);
}

static VkDevice open_device(void) {
  VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo instance_info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
  VkInstance instance;
  check(vkCreateInstance(&instance_info, NULL, &instance), "vkCreateInstance");
  uint32_t count = 1;
  VkPhysicalDevice physical;
  check(vkEnumeratePhysicalDevices(instance, &count, &physical), "vkEnumeratePhysicalDevices");
  if (count == 0) fail("no device;", "RADV_FORCE_FAMILY names none that this Mesa knows", 0);

  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  VkPhysicalDeviceVulkan13Features v13 = {FEATURES(VULKAN_1_3), .pNext = &statistics};
  VkPhysicalDeviceVulkan12Features v12 = {FEATURES(VULKAN_1_2), .pNext = &v13};
  VkPhysicalDeviceVulkan11Features v11 = {FEATURES(VULKAN_1_1), .pNext = &v12};
  VkPhysicalDeviceFeatures2 features = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11};
  vkGetPhysicalDeviceFeatures2(physical, &features);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {
    VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
  const char *extensions[] = {"VK_KHR_pipeline_executable_properties"};
  VkDeviceCreateInfo device_info = {
    VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
    .enabledExtensionCount = 1, .ppEnabledExtensionNames = extensions};
  VkDevice device;
  check(vkCreateDevice(physical, &device_info, NULL, &device), "vkCreateDevice");
  return device;
}

static uint32_t *read_code(const char *path, long *words) {
  FILE *file = fopen(path, "rb");
  if (!file) fail("cannot open", path, 0);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint32_t *code = malloc(size);
  if (size % 4 != 0 || fread(code, 1, size, file) != (size_t)size) fail("cannot read", path, 0);
  fclose(file);
  *words = size / 4;
  return code;
}

// What of a module the pipeline must be told: its entry point, its bindings, and the invocations of a workgroup.
typedef struct {
  const char *entry;
  uint32_t invocations, sets, counts[SETS];
  VkDescriptorSetLayoutBinding bindings[SETS][BINDINGS];
} Module;

// Opcodes and enumerants are those of the SPIR-V specification, section 3.
static Module read_module(const uint32_t *code, long words, const char *path) {
  Module module = {"main", 0};
  uint32_t bound = code[3];
  uint32_t *set = malloc(4 * bound), *binding = malloc(4 * bound);
  memset(set, 0xff, 4 * bound);
  memset(binding, 0xff, 4 * bound);
  for (long at = 5; at < words; at += code[at] >> 16) {
    const uint32_t *word = &code[at];
    uint32_t opcode = word[0] & 0xffff;
    if (opcode == 15) module.entry = (const char *)&word[3]; // OpEntryPoint
    if (opcode == 16 && word[2] == 17) module.invocations = word[3] * word[4] * word[5]; // LocalSize
    if (opcode == 71 && word[2] == 33) binding[word[1]] = word[3]; // OpDecorate Binding
    if (opcode == 71 && word[2] == 34) set[word[1]] = word[3]; // OpDecorate DescriptorSet
    if (opcode != 59 || (word[3] != 2 && word[3] != 12)) continue; // OpVariable Uniform or StorageBuffer
    uint32_t in = set[word[2]], number = binding[word[2]];
    if (in >= SETS || module.counts[in] >= BINDINGS) fail("too many bindings in", path, 0);
    if (in + 1 > module.sets) module.sets = in + 1;
    VkDescriptorType type = word[3] == 2 ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    module.bindings[in][module.counts[in]++] =
      (VkDescriptorSetLayoutBinding){number, type, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
  }
  free(set);
  free(binding);
  return module;
}

static VkPipeline compile(VkDevice device, const Module *module, const uint32_t *code, long words) {
  VkDescriptorSetLayout layouts[SETS];
  for (uint32_t s = 0; s < module->sets; s++) {
    VkDescriptorSetLayoutCreateInfo info = {
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = module->counts[s],
      .pBindings = module->bindings[s]};
    check(vkCreateDescriptorSetLayout(device, &info, NULL, &layouts[s]), "vkCreateDescriptorSetLayout");
  }
  VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, 128};
  VkPipelineLayoutCreateInfo layout_info = {
    VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = module->sets, .pSetLayouts = layouts,
    .pushConstantRangeCount = 1, .pPushConstantRanges = &range};
  VkPipelineLayout layout;
  check(vkCreatePipelineLayout(device, &layout_info, NULL, &layout), "vkCreatePipelineLayout");
  VkShaderModuleCreateInfo shader_info = {
    VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = 4 * words, .pCode = code};
  VkShaderModule shader;
  check(vkCreateShaderModule(device, &shader_info, NULL, &shader), "vkCreateShaderModule");
  VkPipelineShaderStageCreateInfo stage = {
    VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = shader,
    .pName = module->entry};
  VkComputePipelineCreateInfo info = {
    VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
    .stage = stage, .layout = layout};
  VkPipeline pipeline;
  check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline), "vkCreateComputePipelines");
  return pipeline;
}

static void print_statistics(VkDevice device, VkPipeline pipeline, const Module *module) {
  PFN_vkGetPipelineExecutablePropertiesKHR get_properties =
    (PFN_vkGetPipelineExecutablePropertiesKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutablePropertiesKHR");
  PFN_vkGetPipelineExecutableStatisticsKHR get_statistics =
    (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");
  VkPipelineInfoKHR which = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
  uint32_t executables = 1;
  VkPipelineExecutablePropertiesKHR properties = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
  check(get_properties(device, &which, &executables, &properties), "vkGetPipelineExecutablePropertiesKHR");
  VkPipelineExecutableInfoKHR first = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
  uint32_t count = 64;
  VkPipelineExecutableStatisticKHR found[64];
  for (int i = 0; i < 64; i++) {
    found[i] = (VkPipelineExecutableStatisticKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
  }
  check(get_statistics(device, &first, &count, found), "vkGetPipelineExecutableStatisticsKHR");
  printf("{\"invocations\": %u, \"subgroup\": %u", module->invocations, properties.subgroupSize);
  for (uint32_t i = 0; i < count; i++) {
    if (found[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR) {
      printf(", \"%s\": %g", found[i].name, found[i].value.f64);
    } else {
      printf(", \"%s\": %llu", found[i].name, (unsigned long long)found[i].value.u64);
    }
  }
  printf("}\n");
}

int main(int argc, char **argv) {
  if (argc < 2) fail("name", "SPIR-V files", 0);
  VkDevice device = open_device();
  for (int i = 1; i < argc; i++) {
    long words;
    uint32_t *code = read_code(argv[i], &words);
    Module module = read_module(code, words, argv[i]);
    fprintf(stderr, "#### %s\n", argv[i]);
    print_statistics(device, compile(device, &module, code, words), &module);
    free(code);
  }
  return 0;
}
