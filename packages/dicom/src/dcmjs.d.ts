/** What is used here of dcmjs, which has no types of its own. */
declare module "dcmjs" {
  type DicomAttributes = Readonly<Record<string, { readonly vr: string; readonly Value?: readonly unknown[] }>>;
  class DicomDict {
    constructor(meta: DicomAttributes);
    meta: DicomAttributes;
    dict: DicomAttributes;
    write(options?: object): ArrayBuffer;
  }
  const dcmjs: {
    readonly data: {
      readonly DicomDict: typeof DicomDict;
      readonly DicomMessage: { readFile(bytes: ArrayBuffer, options?: object): DicomDict };
      readonly DicomMetaDictionary: {
        uid(): string;
      };
      datasetToDict(dataset: object): DicomDict;
    };
    readonly log: { setLevel(level: string): void; getLogger(name: string): { setLevel(level: string): void } };
  };
  export default dcmjs;
}
