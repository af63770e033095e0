/** How far something is. @param share from 0 to 1; undefined where that is not known. */
export const Progress = ({ label, share, detail }: { label: string; share?: number; detail?: string }) => (
  <div class="progress">
    <div class="progress-text">
      <span>{label}</span>
      <span class="quiet-text">{detail}</span>
    </div>
    <progress max={1} value={share} aria-label={label} />
  </div>
);
