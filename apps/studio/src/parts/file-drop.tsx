import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { type DroppedFile, filesOfDrop, filesOfInput } from "./dropped-files.js";

/** Where files or a folder are dropped or chosen, also by keyboard. */
export function FileDrop({
  children,
  accept,
  folder = false,
  onFiles,
}: {
  children: ComponentChildren;
  /** Endings of files that can be chosen, such as ".nii,.gz". */
  accept?: string;
  /** Whether a folder is chosen. A drop takes both. */
  folder?: boolean;
  onFiles: (files: readonly DroppedFile[]) => void;
}) {
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (files: readonly DroppedFile[]): void => {
    if (files.length > 0) onFiles(files);
  };
  return (
    <button
      type="button"
      class={over.value ? "drop over" : "drop"}
      onClick={() => input.current?.click()}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={async (event) => {
        event.preventDefault();
        over.value = false;
        if (event.dataTransfer !== null) take(await filesOfDrop(event.dataTransfer));
      }}
    >
      {children}
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(accept === undefined ? {} : { accept })}
        {...(folder ? { webkitdirectory: true } : {})}
        onClick={(event) => event.stopPropagation()}
        onChange={({ currentTarget }) => {
          take(filesOfInput(currentTarget));
          currentTarget.value = "";
        }}
      />
    </button>
  );
}
