import { MemoryStorage, readBytes, type Vector3, type VoxelArray, writeNifti } from "@lobule/data";
import { colorOfLabel } from "@lobule/report";
import { Niivue, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";

/** What is shown in 3D, in the viewer's order. */
export interface SolidView {
  readonly scan: { readonly shape: Vector3; readonly spacing: Vector3; readonly data: Int16Array };
  readonly labels: Uint8Array | undefined;
  /** Names, background first. */
  readonly classes: readonly string[];
  readonly hidden: ReadonlySet<number>;
  readonly opacity: number;
}

/** How much larger than NiiVue's own a volume is drawn at first: it leaves room for it to be turned. */
const closeness = 1.5;

/** Pixels of the picture along one of the screen's where no GPU draws it: the page waits for each picture. */
const coarse = 0.3;

/** Whether a GPU draws, as far as the browser tells. */
function hasGpu(gl: WebGL2RenderingContext): boolean {
  const known = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = gl.getParameter(known?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
  return !/swiftshader|llvmpipe|softpipe|basic render/i.test(String(renderer));
}

/** Draws a scan with its labels by NiiVue. @returns what ends it. @throws Error where the browser has no WebGL 2. */
export async function showSolid(canvas: HTMLCanvasElement, view: SolidView): Promise<() => void> {
  const { scan, labels, classes, hidden, opacity } = view;
  const niivue = new Niivue({
    backColor: [0.04, 0.05, 0.06, 1],
    show3Dcrosshair: false,
    isResizeCanvas: true,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    dragAndDropEnabled: false,
  });
  await niivue.attachToCanvas(canvas);
  const draw = deferDrawing(niivue);
  if (!hasGpu(niivue.gl)) niivue.setHighResolutionCapable(coarse);
  await niivue.loadFromArrayBuffer(await niftiOf(scan, scan.data), "scan.nii");
  if (labels !== undefined) await niivue.loadFromArrayBuffer(await niftiOf(scan, labels), "labels.nii");
  const [image, found] = niivue.volumes;
  if (image !== undefined) {
    // From contrast medium to bone: what is seen from outside.
    image.cal_min = 100;
    image.cal_max = 500;
    image.opacity = labels === undefined ? 1 : 0.35;
  }
  if (found !== undefined) {
    const colors = classes.map((_, label) => (label === 0 ? [0, 0, 0] : [...colorOfLabel(label)]));
    found.setColormapLabel({
      R: colors.map(([red = 0]) => red),
      G: colors.map(([, green = 0]) => green),
      B: colors.map(([, , blue = 0]) => blue),
      A: classes.map((_, label) => (label === 0 || hidden.has(label) ? 0 : 255)),
      I: classes.map((_, label) => label),
      labels: [...classes],
    });
    found.opacity = opacity;
  }
  niivue.setSliceType(SLICE_TYPE.RENDER);
  niivue.setScale(closeness);
  await draw();
  return () => {
    niivue.cleanup();
    canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  };
}

/**
 * Keeps the page from waiting for the graphics, which without a GPU takes seconds. NiiVue prepares all volumes anew and draws
 * with each that is added and each setting; it asks for every slice whether the last command is done, and after each
 * picture again.
 * @returns what prepares and draws everything, once.
 */
function deferDrawing(niivue: Niivue): () => Promise<void> {
  const { gl, updateGLVolume, drawScene } = niivue;
  gl.finish = () => gl.flush();
  // It is complete wherever the formats are those that NiiVue always takes.
  gl.checkFramebufferStatus = () => gl.FRAMEBUFFER_COMPLETE;
  niivue.updateGLVolume = () => undefined;
  niivue.drawScene = () => undefined;
  return async () => {
    niivue.drawScene = drawScene;
    niivue.updateGLVolume = updateGLVolume;
    await new Promise((resolve) => setTimeout(resolve, 0));
    niivue.updateGLVolume();
  };
}

/** The bytes of a NIfTI file. */
async function niftiOf({ shape, spacing: [x, y, z] }: SolidView["scan"], data: VoxelArray): Promise<ArrayBuffer> {
  const storage = new MemoryStorage();
  const affine = [
    [x, 0, 0, 0],
    [0, y, 0, 0],
    [0, 0, z, 0],
  ] as const;
  await writeNifti(storage, "/volume.nii", { shape, spacing: [x, y, z], affine, data });
  return (await readBytes(storage, "/volume.nii", "tensors")).slice().buffer;
}
