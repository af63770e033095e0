import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { quickEngine } from "../engine/start-engine.js";
import { Confirmed } from "../parts/confirmed.js";
import { reportProblem } from "../parts/notices.js";
import { bytesText } from "../parts/quantities.js";
import { forgetKept } from "../segment/segment-state.js";
import type { KeptFile } from "../worker/kept-files.js";

/** Scans, labels and models of this browser, which can be removed here. @param onRemoved is told of each. */
export function KeptFilesCard({ onRemoved }: { onRemoved: () => void }) {
  const files = useSignal<readonly KeptFile[]>([]);
  const list = async (): Promise<void> => {
    files.value = await quickEngine().keptFiles.list();
  };
  useEffect(() => {
    list().catch(reportProblem);
  }, []);
  const remove = async (file: KeptFile): Promise<void> => {
    try {
      await quickEngine().keptFiles.remove(file);
      forgetKept(file);
      onRemoved();
      await list();
    } catch (error) {
      reportProblem(error);
    }
  };
  if (files.value.length === 0) return null;
  return (
    <section class="card" aria-label="Scans, labels and models">
      <h2>Scans, labels and models</h2>
      <p class="quiet-text">
        Copies that Segment works with. Runs and training sets are removed in <a href="#train">Train</a>.
      </p>
      <div class="scrolled">
        <table class="stacked">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {files.value.map((file) => (
              <tr key={file.paths[0]}>
                <th scope="row">{file.name}</th>
                <td>{file.kind}</td>
                <td class="number">{bytesText(file.bytes)}</td>
                <td class="actions">
                  <Confirmed
                    what={`Remove ${file.kind} ${file.name}`}
                    question="Remove it for good?"
                    act={() => remove(file)}
                  >
                    Remove
                  </Confirmed>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
