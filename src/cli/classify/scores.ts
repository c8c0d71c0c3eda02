import { rankGroup } from '../../service/rank.ts';
import type { Fault } from '../embed/embedder.ts';
import { printable } from '../printable.ts';

export interface LabelScore {
  readonly label: string;
  /** Share of all labels: the softmax of the cosines times the model's logit scale, as a server's `/rank` computes it. */
  readonly score: number;
  readonly cosine: number;
}

/** The labels of a picture, best first. */
export function scoreLabels(
  picture: Float32Array,
  labels: readonly string[],
  columns: readonly Float32Array[],
  logitScale: number,
): LabelScore[] {
  return (
    rankGroup(picture, columns, logitScale)
      // Far from the best, scores round to 0 and tell no difference any more.
      .sort((a, b) => b.score - a.score || b.cosine - a.cosine)
      .map(({ index, score, cosine }) => ({ label: labels[index]!, score, cosine }))
  );
}

/** How a picture's labels, or its fault, are printed; an empty text is left out. */
export type Print = (file: string, result: readonly LabelScore[] | Fault) => string;

export function jsonLines(top: number): Print {
  return (file, result) => {
    if ('code' in result) return `${JSON.stringify({ file, error: result })}\n`;
    return `${JSON.stringify({ file, labels: result.slice(0, top) })}\n`;
  };
}

/** A line for each label of a picture; what failed has none. The columns are known before the first. */
export function tableRows(top: number, labels: readonly string[]): Print {
  const width = Math.max(...labels.map((label) => label.length));
  return (file, result) => {
    if ('code' in result) return '';
    const rows = result.slice(0, top);
    return rows
      .map(({ label, score }) => `${score.toFixed(4)}  ${label.padEnd(width)}  ${printable(file)}\n`)
      .join('');
  };
}
