import { byId } from './element.ts';
import type { Faults } from './fault.ts';
import { PictureSlot } from './picture-slot.ts';
import { forget, pictureFrom, startDropZone } from './pictures.ts';
import { nameOf, percent, rankingRow } from './ranking-row.ts';
import type { RequestPanel } from './request-panel.ts';
import { type Part, type Ranked, rank } from './server.ts';

/** ms after the last letter. */
const PAUSE = 250;
const FIRST = {
  ask: 'something sweet',
  candidates: ['a red apple', 'a green pear', 'a bicycle', 'a slice of cake'],
};

/** The panel that ranks words and pictures of the visitor's own. */
export class RankPanel {
  readonly #faults: Faults;
  readonly #panel: RequestPanel;
  readonly #ask = byId<HTMLInputElement>('ask');
  readonly #field = byId<HTMLInputElement>('candidate');
  readonly #slot = new PictureSlot(byId('ask-drop'), () => this.#update());
  #candidates: readonly Part[] = FIRST.candidates.map((text) => ({ text }));
  #running = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(faults: Faults, panel: RequestPanel) {
    this.#faults = faults;
    this.#panel = panel;
    this.#ask.value = FIRST.ask;
    this.#ask.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#update(), PAUSE);
    });
    byId('ask-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#update();
    });
    byId('candidate-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      this.#field.value = '';
      if (text) this.#add([{ text }]);
    });
    startDropZone(byId('candidate-drop'), true, (files) => this.take(files));
  }

  /** Ranks what is there; for whoever begins to look. */
  open(): void {
    this.#update();
  }

  /** Files that were dropped on the page, or pasted. */
  take(files: readonly File[]): void {
    this.#add(files.map((file) => ({ picture: pictureFrom(file) })));
  }

  #add(parts: readonly Part[]): void {
    this.#candidates = [...this.#candidates, ...parts];
    this.#update();
  }

  #update(): void {
    clearTimeout(this.#timer);
    this.#running.abort();
    this.#running = new AbortController();
    void this.#faults.guard(() => this.#rank(this.#running.signal));
  }

  async #rank(signal: AbortSignal): Promise<void> {
    const { picture } = this.#slot;
    this.#ask.disabled = picture !== undefined;
    const text = this.#ask.value.trim();
    const query = picture ? { picture } : text ? { text } : undefined;
    const candidates = this.#candidates;
    // What cannot be ranked is shown nevertheless, so that it can be removed.
    if (!query || candidates.length === 0) return this.#show([]);
    try {
      const { ranked, ms } = await rank(query, candidates, signal);
      this.#panel.show({ kind: 'rank', query, candidates }, ms);
      this.#show(ranked);
    } catch (fault) {
      if (!signal.aborted) this.#show([]);
      throw fault;
    }
  }

  #show(ranked: readonly Ranked[]): void {
    const order = ranked.length > 0 ? ranked : this.#candidates.map((_, index) => ({ index }));
    const rows = order.map(({ index, ...scores }) => {
      const candidate = this.#candidates[index]!;
      return rankingRow(candidate, scores, () => this.#remove(candidate));
    });
    const list = byId('ranking');
    const at = [...list.children].findIndex((row) => row.contains(document.activeElement));
    list.replaceChildren(...rows);
    // Whoever removes one by the keyboard goes on with the next.
    if (at >= 0)
      (rows[Math.min(at, rows.length - 1)]?.querySelector<HTMLElement>('.remove') ?? this.#field).focus();
    const [best] = ranked;
    byId('ranked').textContent = best
      ? `${nameOf(this.#candidates[best.index]!)} fits best, with ${percent(best.score)}.`
      : 'Not ranked: say what to rank against, and add candidates.';
  }

  #remove(candidate: Part): void {
    this.#candidates = this.#candidates.filter((other) => other !== candidate);
    if ('picture' in candidate) forget(candidate.picture);
    this.#update();
  }
}
