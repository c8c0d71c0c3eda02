import type { Tower } from '../model/tower.ts';
import type { Trace } from '../observe/tracing.ts';

/** Names of the reference, which gave texts and images the same one for preprocessing. */
const NAMES = {
  text: { encoding: 'txt_minibatch_encoding', preprocessing: 'preprocess_texts' },
  image: { encoding: 'img_minibatch_encoding', preprocessing: 'preprocess_images' },
};

interface Open {
  readonly encoding: Trace;
  readonly preprocessing: Trace;
  /** Items that are not preprocessed yet, and those without an outcome. */
  unprepared: number;
  unanswered: number;
}

/**
 * One request's spans by tower: from the start to the last outcome, and within it to the last item that is ready for an
 * engine. Batches are made across requests, so there is no span per batch.
 */
export class TowerSpans {
  readonly #open: Readonly<Record<Tower, Open | undefined>>;

  constructor(trace: Trace, items: Readonly<Record<Tower, number>>) {
    const open = (tower: Tower): Open | undefined => {
      if (items[tower] === 0) return undefined;
      const encoding = trace.child(NAMES[tower].encoding, { items: items[tower] });
      const preprocessing = encoding.child(NAMES[tower].preprocessing);
      return { encoding, preprocessing, unprepared: items[tower], unanswered: items[tower] };
    };
    this.#open = { text: open('text'), image: open('image') };
  }

  preprocessed(tower: Tower): void {
    const open = this.#open[tower]!;
    open.unprepared--;
    if (open.unprepared === 0) open.preprocessing.end();
  }

  /** Items that failed before they were ready count here alone. */
  answered(tower: Tower): void {
    const open = this.#open[tower]!;
    open.unanswered--;
    if (open.unanswered > 0) return;
    open.preprocessing.end();
    open.encoding.end();
  }
}
